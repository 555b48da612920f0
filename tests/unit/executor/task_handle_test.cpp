#include <catch2/catch.hpp>
#include <memory>
#include <stdexcept>
#include <string>

#include "gatherd/executor/create_task.hpp"
#include "gatherd/executor/detail/worker.hpp"
#include "gatherd/executor/event.hpp"
#include "gatherd/executor/sleep.hpp"
#include "tests/unit/executor/serially.hpp"

using namespace gatherd::executor;

namespace {

task<int> number(int n) {
    co_await yield();
    co_return n;
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

}  // namespace

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
