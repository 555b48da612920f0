#include <catch2/catch.hpp>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gatherd/executor/create_task.hpp"
#include "gatherd/executor/detail/worker.hpp"
#include "gatherd/executor/event.hpp"
#include "gatherd/executor/shield.hpp"
#include "gatherd/executor/sleep.hpp"
#include "gatherd/executor/unretrieved_exception.hpp"
#include "tests/unit/executor/serially.hpp"

using namespace gatherd::executor;

namespace {

task<int> number(int n) {
    co_await yield();
    co_return n;
}

task<int> number_at_once() {
    co_return 1;
}

task<std::string> names() {
    const auto named = create_task(number(1), "fetch");
    const auto a = create_task(number(1));
    const auto b = create_task(number(1));
    const std::string later = b.name();
    const std::string earlier = a.name();
    const bool numbered = later.starts_with("Task-") && earlier.starts_with("Task-") && later != earlier;
    std::string out = named.name() + (numbered && b.name() == later ? " numbered " : " ? ");
    b.set_name("renamed");
    co_return out + b.name();
}

task<std::string> callbacks() {
    std::string out;
    const auto handle = create_task(number(7));
    handle.add_done_callback([&out](const task_handle<int>& ended) { out += "a" + std::to_string(ended.result()); });
    const auto removed = handle.add_done_callback([&out](const task_handle<int>&) { out += "removed"; });
    auto owned = std::make_unique<int>(8);  // a callback may be movable only
    auto last = [&out, owned = std::move(owned)](const task_handle<int>&) { out += "b" + std::to_string(*owned); };
    const auto called = handle.add_done_callback(std::move(last));
    out += handle.remove_done_callback(removed) ? "r" : "?";
    out += handle.remove_done_callback(removed) ? "?" : "-";
    co_await handle;
    out += handle.remove_done_callback(called) ? "?" : "-";
    handle.add_done_callback([&out](const task_handle<int>&) { out.push_back('c'); });  // at once
    co_return out + ".";
}

task<bool> callback_lets_go() {
    auto kept = std::make_shared<int>(1);
    const std::weak_ptr<int> seen = kept;
    const auto handle = create_task(number(1));
    auto callback = [kept = std::move(kept), handle](const task_handle<int>&) {};
    handle.add_done_callback(std::move(callback));
    co_await handle;
    co_return seen.expired();
}

task<int> swallows_and_tells(event& entered) {
    try {
        entered.set();
        co_await sleep(std::chrono::hours{1});
    } catch (const cancelled_error&) {
    }
    co_return static_cast<int>(task_state::current().cancelling());
}

task<std::string> counted_requests() {
    event entered;
    const auto handle = create_task(swallows_and_tells(entered));
    co_await entered.wait();
    handle.cancel();
    handle.cancel();
    std::string out = std::to_string(handle.cancelling());
    const int seen = co_await handle;
    out += std::to_string(seen);
    handle.cancel();  // it has ended: no request
    out += std::to_string(handle.cancelling());
    for (int i = 0; i < 3; ++i) {
        out += std::to_string(handle.uncancel());
    }
    co_return out;
}

task<std::string> request_while_it_runs(bool taken_back) {
    auto& self = task_state::current();
    self.cancel();
    if (taken_back) {
        self.uncancel();
    }
    try {
        co_await yield();
    } catch (const cancelled_error&) {
        co_return "raised";
    }
    co_return "forgotten";
}

task<std::vector<int>> three() {
    co_await yield();
    co_return std::vector<int>{1, 2, 3};
}

task<std::vector<int>> three_at_once() {
    co_return std::vector<int>{1, 2, 3};
}

task<std::unique_ptr<int>> owned(int n) {
    co_return std::make_unique<int>(n);
}

task<std::vector<std::unique_ptr<int>>> several_owned() {
    co_return std::vector<std::unique_ptr<int>>(4);
}

/// Counts copies.
struct counted {
    explicit counted(int& count) : copies{&count} {}
    counted(const counted& other) : copies{other.copies} { ++*copies; }
    counted(counted&&) noexcept = default;
    int* copies;
    std::unique_ptr<int> alive = std::make_unique<int>(1);
};

task<counted> gives_counted(int& copies) {
    co_await yield();
    co_return counted{copies};
}

/// The handle is gone when the result is used.
task<int> rvalues() {
    int sum = 0;
    for (const int each : co_await create_task(three())) {
        sum += each;
    }
    for (const int each : co_await create_task(three_at_once())) {
        sum += each;
    }
    const auto& kept = co_await create_task(three());
    sum += kept[2];
    const auto& shielded_result = co_await shield(three());
    sum += shielded_result[2];
    const auto& shielded_handle = co_await shield(create_task(three()));
    sum += shielded_handle[2];
    const auto handle = create_task(three());
    co_await handle;
    const auto& copy = task_handle{handle}.result();
    sum += copy[2];
    co_return sum;
}

task<int> move_only() {
    auto handle = create_task(owned(40));
    const std::unique_ptr<int> forty = co_await std::move(handle);
    const std::unique_ptr<int> two = co_await create_task(owned(2));
    const auto four = co_await shield(several_owned());
    const auto one = create_task(owned(1));
    co_await one;
    const std::unique_ptr<int> taken = task_handle{one}.result();
    co_return *forty + *two + static_cast<int>(four.size()) + *taken;
}

/// Who else has a handle keeps the result.
task<std::string> shared_results() {
    int copies = 0;
    const auto shared = create_task(gives_counted(copies));
    auto another = shared;
    const counted first = co_await std::move(another);
    std::string out = std::to_string(copies);
    out += shared.result().alive != nullptr ? "kept " : "lost ";
    copies = 0;
    auto only = create_task(gives_counted(copies));
    const counted moved = co_await std::move(only);
    out += std::to_string(copies);
    co_return out;
}

task<std::string> before_the_end() {
    std::string out;
    const auto handle = create_task(number(1));
    const auto refused = [&out](const auto& asks) {
        try {
            asks();
            out += "?";
        } catch (const invalid_state_error&) {
            out += "i";
        }
    };
    refused([&handle] { static_cast<void>(handle.result()); });
    refused([&handle] { static_cast<void>(task_handle{handle}.result()); });
    refused([&handle] { static_cast<void>(handle.exception()); });
    refused([&handle] { static_cast<void>(handle.take()); });
    out += handle.failed() || handle.cancelled() ? "?" : "-";
    co_await handle;
    co_return out + std::to_string(handle.result());
}

task<> adds_one(int& count) {
    ++count;
    co_return;
}

task<> adds_one_later(int& count) {
    co_await yield();
    ++count;
}

/// `in_place`: the task ends in the step of its creator, else in a step of its own. `foreign`: in another scope.
task<> callback_that_creates(int& count, bool in_place) {
    const auto handle = in_place ? create_task(number_at_once()) : create_task(number(1));
    handle.add_done_callback([&count](const task_handle<int>&) {
        create_task(adds_one(count));
        create_task(adds_one_later(count));
    });
    co_await handle;
}

task<std::string> callback_that_throws() {
    const auto handle = create_task(number(1), "called back");
    std::string out;
    handle.add_done_callback([](const task_handle<int>&) { throw std::runtime_error{"oops"}; });
    handle.add_done_callback([&out](const task_handle<int>&) { out += "next "; });
    co_await handle;
    co_return out;
}

}  // namespace

TEST_CASE("task_handle: the result of a handle that goes away outlives it", "[executor]") {
    CHECK(serially(rvalues()) == 6 + 6 + 4 * 3);
    scheduler on{{.workers = 2}};
    CHECK(run(on, rvalues()) == 6 + 6 + 4 * 3);
}

TEST_CASE("task_handle: a result that cannot be copied is moved out of a handle that goes away", "[executor]") {
    CHECK(serially(move_only()) == 47);
}

TEST_CASE("task_handle: a handle that goes away takes nothing from another one", "[executor]") {
    CHECK(serially(shared_results()) == "1kept 0");
}

TEST_CASE("task_handle: before the end there is no result, and asking for it is an error", "[executor]") {
    CHECK(serially(before_the_end()) == "iiii-1");
}

TEST_CASE("task_handle: what a callback creates belongs to the scope of the task that has ended", "[executor]") {
    for (const bool in_place : {false, true}) {
        int count = 0;
        scheduler on{{.workers = 1}};
        run(on, callback_that_creates(count, in_place));  // the end of the run cancels what they created
        count = 0;
        run(on, [](int& n, bool at_once) -> task<> {
            const auto nested = create_task(callback_that_creates(n, at_once));
            co_await nested;
            while (n < 2) {
                co_await yield();
            }
        }(count, in_place));
        CHECK(count == 2);
    }
}

TEST_CASE("task_handle: an exception of a callback is reported, and the next is called", "[executor]") {
    static std::string said;
    said.clear();
    const auto before = set_unretrieved_exception_handler(
        [](std::string_view name, const std::exception_ptr&) noexcept { said = name; });
    CHECK(serially(callback_that_throws()) == "next ");
    set_unretrieved_exception_handler(before);
    CHECK(said == "called back");
}

TEST_CASE("task_handle: a task has the name that it was given, else a number once it is asked", "[executor]") {
    CHECK(serially(names()) == "fetch numbered renamed");
}

TEST_CASE("task_handle: callbacks are called in order when the task ends, unless they are taken back", "[executor]") {
    CHECK(serially(callbacks()) == "r-a7b8-c.");
}

TEST_CASE("task_handle: a callback that was called keeps nothing alive", "[executor]") {
    CHECK(serially(callback_lets_go()));
}

TEST_CASE("cancel: requests are counted, and can be taken back", "[executor]") {
    CHECK(serially(counted_requests()) == "222100");
}

TEST_CASE("cancel: a request that is taken back before it was raised is forgotten", "[executor]") {
    CHECK(serially(request_while_it_runs(false)) == "raised");
    CHECK(serially(request_while_it_runs(true)) == "forgotten");
}

namespace {

task<bool> awaits_itself(const task_handle<bool>& self) {
    co_await yield();
    try {
        co_await self;
    } catch (const std::logic_error&) {
        co_return true;
    }
    co_return false;
}

task<bool> creates_one_that_awaits_itself() {
    task_handle<bool> self;
    self = create_task(awaits_itself(self));
    co_return co_await self;
}

}  // namespace

TEST_CASE("task_handle: a task that awaits itself gets an error, as in asyncio", "[executor]") {
    scheduler on{{.workers = 1}};
    CHECK(run(on, creates_one_that_awaits_itself()));
}
