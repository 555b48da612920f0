#include "gatherd/executor/task.hpp"

#include <catch2/catch.hpp>
#include <stdexcept>
#include <string>

#include "gatherd/executor/create_task.hpp"
#include "gatherd/executor/run.hpp"
#include "gatherd/executor/sleep.hpp"
#include "gatherd/executor/wait.hpp"

using namespace gatherd::executor;

namespace {

task<int> number(int n) {
    co_return n;
}

task<int> throws() {
    throw std::runtime_error{"boom"};
    co_return 0;
}

task<int> sum_of_awaits(int count) {
    int sum = 0;
    for (int i = 0; i < count; ++i) {
        sum += co_await number(1);
    }
    co_return sum;
}

task<std::string> caught() {
    try {
        co_await throws();
    } catch (const std::runtime_error& e) {
        co_return e.what();
    }
    co_return "nothing";
}

task<> wait_for_ever() {
    co_await sleep(std::chrono::hours{1});
}

task<bool> cancelled_where_it_waits() {
    const auto handle = create_task(wait_for_ever());
    co_await yield();
    handle.cancel("enough");
    try {
        co_await handle;
    } catch (const cancelled_error& e) {
        co_return e.message() == "enough";
    }
    co_return false;
}

task<int> awaits(task_handle<> inner) {
    co_await inner;
    co_return 1;
}

task<bool> cancel_goes_to_the_awaited() {
    const auto inner = create_task(wait_for_ever());
    const auto outer = create_task(awaits(inner));
    co_await yield();  // in a serial scope both wait after this turn: the request goes through `outer`
    outer.cancel();
    co_await wait(outer.ref());
    co_return outer.failed() && inner.failed();
}

task<int> set_when_run(bool& ran) {
    ran = true;
    co_return 0;
}

task<bool> cancelled_before_it_starts(bool& ran) {
    const auto handle = create_task(set_when_run(ran));
    handle.cancel();  // in a serial scope it cannot have begun
    co_await wait(handle.ref());
    co_return handle.failed();
}

task<int> swallows() {
    try {
        co_await sleep(std::chrono::hours{1});
    } catch (const cancelled_error&) {
    }
    co_return 7;
}

task<int> a_swallowed_cancel() {
    const auto handle = create_task(swallows());
    co_await sleep(std::chrono::milliseconds{2});
    handle.cancel();
    co_return co_await handle;
}

task<int> one_of_a_chain(task_handle<int> former) {
    co_return 1 + co_await former;
}

task<int> forever_number() {
    co_await sleep(std::chrono::hours{1});
    co_return 0;
}

task<std::size_t> cancel_a_long_chain(std::size_t length) {
    std::vector<task_handle<int>> chain{create_task(forever_number())};
    for (std::size_t i = 1; i < length; ++i) {
        chain.push_back(create_task(one_of_a_chain(chain.back())));
    }
    for (const auto& each : chain) {  // one that has not started would end alone, and leave those before it waiting
        while (!each.ref()->has_waited()) {
            co_await yield();
        }
    }
    chain.back().cancel();
    std::size_t failed = 0;
    for (const auto& each : chain) {
        co_await wait(each.ref());
        failed += each.failed() ? 1 : 0;
    }
    co_return failed;
}

task<int> cancelled_in_its_last_step() {
    task_ref {
        &task_state::current()
        } -> cancel("late");
    co_return 1;
}

task<int> fails_in_its_last_step() {
    task_ref {
        &task_state::current()
        } -> cancel();
    throw std::runtime_error{"boom"};
    co_return 1;
}

}  // namespace

TEST_CASE("cancel: in its last step a task drops what it returns, as in asyncio", "[executor]") {
    const auto late = []() -> task<std::string> {
        try {
            co_await create_task(cancelled_in_its_last_step());
        } catch (const cancelled_error& e) {
            co_return e.message();
        }
        co_return "returned";
    };
    CHECK(run(late()) == "late");
}

TEST_CASE("cancel: in its last step a task keeps what it raises, as in asyncio", "[executor]") {
    CHECK_THROWS_WITH(run(fails_in_its_last_step()), "boom");
}

TEST_CASE("task: gives what it returns", "[executor]") {
    CHECK(run(number(42)) == 42);
}

TEST_CASE("task: a result in braces is made in place", "[executor]") {
    const auto pair = []() -> task<std::pair<int, std::string>> { co_return {1, "one"}; };
    const auto list = []() -> task<std::vector<int>> { co_return {1, 2, 3}; };
    CHECK(run(pair()).second == "one");
    CHECK(run(list()).size() == 3);
}

TEST_CASE("task: a reference comes out as the same object, awaited, from a handle and out of run", "[executor]") {
    int target = 1;
    const auto refer = [](int& object) -> task<int&> {
        co_await yield();
        co_return object;
    };
    const auto main = [&refer](int& object) -> task<bool> {
        int& awaited = co_await refer(object);
        const auto handle = create_task(refer(object));
        int& from_handle = co_await handle;
        co_return &awaited == &object&&& from_handle == &object&&& handle.result() == &object;
    };
    CHECK(run(main(target)));
    CHECK(&run(refer(target)) == &target);
}

TEST_CASE("task: an exception reaches who awaits it", "[executor]") {
    CHECK(run(caught()) == "boom");
    CHECK_THROWS_AS(run(throws()), std::runtime_error);
}

TEST_CASE("task: a million awaits one after the other do not grow the stack", "[executor]") {
    CHECK(run(sum_of_awaits(1'000'000)) == 1'000'000);
}

TEST_CASE("task: one that was never started may be dropped", "[executor]") {
    { const auto unused = number(1); }
    CHECK(run(number(2)) == 2);
}

TEST_CASE("cancel: CancelledError is raised where the task waits, with the message", "[executor]") {
    CHECK(run(cancelled_where_it_waits()));
}

TEST_CASE("cancel: a task that awaits another passes it on", "[executor]") {
    scheduler on{{.workers = 2}};
    CHECK(run(on, cancel_goes_to_the_awaited(), ordering::serial));
}

TEST_CASE("cancel: a task that has not begun never runs", "[executor]") {
    bool ran = false;
    scheduler on{{.workers = 2}};
    CHECK(run(on, cancelled_before_it_starts(ran), ordering::serial));
    CHECK_FALSE(ran);
}

TEST_CASE("cancel: a task may swallow it and return", "[executor]") {
    CHECK(run(a_swallowed_cancel()) == 7);
}

TEST_CASE("cancel: a chain of ten thousand tasks is cancelled without stack", "[executor]") {
    CHECK(run(cancel_a_long_chain(10'000)) == 10'000);
}
