#include "gatherd/executor/future.hpp"

#include <catch2/catch.hpp>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "gatherd/executor/gather.hpp"
#include "gatherd/executor/sleep.hpp"
#include "tests/unit/executor/serially.hpp"

using namespace gatherd::executor;

namespace {

task<> notes(future<int> awaited, std::string& out, char letter) {
    const int value = co_await awaited;
    out += letter + std::to_string(value);
}

task<std::string> many_await() {
    promise<int> set;
    std::string out;
    const auto a = create_task(notes(set.get_future(), out, 'a'));
    const auto b = create_task(notes(set.get_future(), out, 'b'));
    co_await yield();
    set.set_result(7);
    co_await b;
    co_await notes(set.get_future(), out, 'c');  // done: at once
    co_return out;
}

task<std::string> what_is_raised(future<int> awaited) {
    try {
        const int value = co_await awaited;
        co_return std::to_string(value);
    } catch (const std::exception& e) {
        co_return e.what();
    } catch (int number) {
        co_return "int " + std::to_string(number);
    }
}

task<std::string> of_a_broken_promise() {
    auto waiting = [] {
        promise<int> broken;
        return create_task(what_is_raised(broken.get_future()));
    }();
    co_return co_await waiting;
}

task<std::string> awaiter_is_cancelled() {
    promise<int> set;
    std::string out;
    const auto a = create_task(notes(set.get_future(), out, 'a'));
    const auto b = create_task(notes(set.get_future(), out, 'b'));
    co_await yield();
    a.cancel();  // as asyncio: cancels the future, and so b
    co_await wait(b.ref());
    out += set.try_set_result(1) ? "!" : "too late ";
    out += set.get_future().cancelled() ? "cancelled " : "!";
    co_return out + ends_of(a, b);
}

task<std::string> cancelled_when_set() {
    promise<int> set;
    std::string out;
    const auto a = create_task(notes(set.get_future(), out, 'a'));
    const auto b = create_task(notes(set.get_future(), out, 'b'));
    co_await yield();
    set.set_result(1);
    a.cancel();
    co_await b;
    co_return out + ends_of(a, b) + (set.get_future().cancelled() ? "!" : "");
}

task<std::string> message_of_a_cancelled_future() {
    promise<> set;
    const auto awaited = set.get_future();
    const auto waiter = create_task([](future<> f) -> task<std::string> {
        try {
            co_await f;
        } catch (const cancelled_error& e) {
            co_return e.message();
        }
        co_return "";
    }(awaited));
    co_await yield();
    awaited.cancel("enough");
    co_return co_await waiter;
}

task<int> of_a_unique_pointer() {
    promise<std::unique_ptr<int>> set;
    const auto awaited = set.get_future();
    set.set_result(std::make_unique<int>(42));
    const std::unique_ptr<int>& value = co_await awaited;
    co_return *value;
}

task<int> counts(future<> awaited) {
    co_await awaited;
    co_return 1;
}

task<std::size_t> many_wait(future<> awaited) {
    std::vector<task<int>> all;
    for (int i = 0; i < 1000; ++i) {
        all.push_back(counts(awaited));
    }
    const auto results = co_await gather(std::move(all));
    co_return results.size();
}

task<std::string> of_futures_that_go_away() {
    promise<std::vector<int>> numbers;
    const future<std::vector<int>> shared = numbers.get_future();
    numbers.set_result({1, 2, 3});
    std::string out;
    for (const int each : co_await numbers.get_future()) {
        out += std::to_string(each);
    }
    const auto& kept = numbers.get_future().result();
    out += std::to_string(kept.size() + shared.result().size());
    promise<std::unique_ptr<int>> owned;
    owned.set_result(std::make_unique<int>(7));
    const std::unique_ptr<int> taken = co_await owned.get_future();
    out += std::to_string(*taken);
    promise<> nothing;
    nothing.set_result();
    co_await nothing.get_future();
    nothing.get_future().result();
    co_return out;
}

}  // namespace

TEST_CASE("future: all who await it get the result, in the order of coming", "[executor]") {
    CHECK(serially(many_await()) == "a7b7c7");
}

TEST_CASE("future: an exception of any type reaches who awaits it", "[executor]") {
    promise<int> usual;
    usual.set_exception(std::make_exception_ptr(std::runtime_error{"boom"}));
    CHECK(serially(what_is_raised(usual.get_future())) == "boom");
    promise<int> odd;
    odd.set_exception(std::make_exception_ptr(5));
    CHECK(serially(what_is_raised(odd.get_future())) == "int 5");
}

TEST_CASE("future: a promise that goes away is an exception", "[executor]") {
    CHECK(serially(of_a_broken_promise()) == "the promise went away without a result");
}

TEST_CASE("future: has one outcome", "[executor]") {
    promise<int> set;
    const auto f = set.get_future();
    CHECK_THROWS_AS(f.result(), invalid_state_error);
    CHECK_THROWS_AS(f.exception(), invalid_state_error);
    set.set_result(1);
    CHECK_THROWS_AS(set.set_result(2), invalid_state_error);
    CHECK_THROWS_AS(set.set_exception(std::make_exception_ptr(1)), invalid_state_error);
    CHECK_FALSE(f.cancel());
    CHECK(f.result() == 1);
    promise<> cancelled;
    CHECK(cancelled.get_future().cancel());
    CHECK_THROWS_AS(cancelled.set_result(), invalid_state_error);
    CHECK_THROWS_AS(cancelled.get_future().result(), cancelled_error);
}

TEST_CASE("future: cancelling who awaits it cancels it", "[executor]") {
    CHECK(serially(awaiter_is_cancelled()) == "too late cancelled cc");
}

TEST_CASE("future: a cancellation that crosses with the result is raised, and the others get the result",
          "[executor]") {
    CHECK(serially(cancelled_when_set()) == "b1cv");
}

TEST_CASE("future: one that is cancelled tells why", "[executor]") {
    CHECK(serially(message_of_a_cancelled_future()) == "enough");
}

TEST_CASE("future: a result may be movable only", "[executor]") {
    CHECK(serially(of_a_unique_pointer()) == 42);
}

TEST_CASE("future: may be set by a thread that is no worker, for waiters on several", "[executor]") {
    scheduler on{{.workers = 3}};
    promise<> set;
    std::thread other{[&set] { set.set_result(); }};
    CHECK(run(on, many_wait(set.get_future())) == 1000);
    other.join();
}

TEST_CASE("future: one that goes away gives its result by value, and others keep it", "[executor]") {
    CHECK(serially(of_futures_that_go_away()) == "12367");
}
