#include "gatherd/executor/as_completed.hpp"

#include <catch2/catch.hpp>
#include <stdexcept>
#include <string>

#include "gatherd/executor/event.hpp"
#include "gatherd/executor/sleep.hpp"
#include "tests/unit/executor/serially.hpp"

using namespace gatherd::executor;
using namespace std::chrono_literals;

namespace {

task<int> after_turns(int turns, int n) {
    for (int i = 0; i < turns; ++i) {
        co_await yield();
    }
    co_return n;
}

template <typename T>
std::vector<task_handle<T>> started(std::vector<task<T>> coroutines) {
    std::vector<task_handle<T>> handles;
    for (auto& each : coroutines) {
        handles.push_back(create_task(std::move(each)));
    }
    return handles;
}

task<int> never() {
    co_await sleep(1h);
    co_return 0;
}

task<std::string> in_order_of_completion() {
    std::vector<task_handle<int>> tasks;
    tasks.push_back(create_task(after_turns(3, 3)));
    tasks.push_back(create_task(after_turns(0, 0)));
    tasks.push_back(create_task(after_turns(2, 2)));
    co_await tasks[1];  // ended before anybody listens
    auto each = as_completed(std::move(tasks));
    std::string out;
    while (each.remaining() > 0) {
        const auto ended = co_await each.next();
        out += std::to_string(ended.result());
    }
    try {
        static_cast<void>(each.next());
    } catch (const value_error&) {
        out.push_back('.');
    }
    co_return out;
}

task<std::string> time_runs_out() {
    std::vector<task<int>> coroutines;
    coroutines.push_back(never());
    coroutines.push_back(after_turns(1, 1));
    coroutines.push_back(never());
    auto tasks = started(std::move(coroutines));
    co_await tasks[1];  // however late the time is looked at
    auto each = as_completed(std::move(tasks), 2ms);
    std::string out;
    while (each.remaining() > 0) {
        try {
            const auto ended = co_await each.next();
            out += std::to_string(ended.result());
        } catch (const timeout_error&) {
            out.push_back('t');
        }
    }
    co_return out;
}

/// Takes one, and then stands in the middle of the next when it is cancelled.
task<> takes_two(completions<int>& each) {
    const auto first = co_await each.next();
    const auto second = co_await each.next();
}

task<std::string> cancelled_while_it_waits() {
    event gate;
    const auto late = [](event& open, int n) -> task<int> {
        co_await open.wait();
        co_return n;
    };
    std::vector<task<int>> coroutines;
    coroutines.push_back(after_turns(1, 1));
    coroutines.push_back(late(gate, 2));
    auto each = as_completed(started(std::move(coroutines)));
    const auto taker = create_task(takes_two(each));
    while (each.remaining() == 2) {
        co_await yield();
    }
    gate.set();
    co_await yield();  // the task ends, and calls the taker
    taker.cancel();
    co_await wait(taker.ref());
    const auto second = co_await each.next();
    co_return ends_of(taker) + std::to_string(second.result()) + std::to_string(each.remaining());
}

task<std::string> nobody_listens_any_more() {
    const auto slow = create_task(after_turns(5, 5));
    {
        std::vector<task_handle<int>> tasks;
        tasks.push_back(slow);
        tasks.push_back(create_task(after_turns(0, 0)));
        auto each = as_completed(std::move(tasks), 1h);
        co_await each.next();
    }
    const int value = co_await slow;
    co_return std::to_string(value);
}

task<long> sum_of_many() {
    std::vector<task<int>> coroutines;
    for (int n = 0; n < 2000; ++n) {
        coroutines.push_back(after_turns(n % 7, n));
    }
    long sum = 0;
    auto each = as_completed(started(std::move(coroutines)));
    while (each.remaining() > 0) {
        const auto ended = co_await each.next();
        sum += ended.result();
    }
    co_return sum;
}

}  // namespace

TEST_CASE("as_completed: gives tasks in the order in which they end", "[executor]") {
    CHECK(serially(in_order_of_completion()) == "023.");
}

TEST_CASE("as_completed: when time has run out, each task that has not ended is a TimeoutError", "[executor]") {
    CHECK(serially(time_runs_out()) == "1tt");
}

TEST_CASE("as_completed: what a cancelled waiter was called for is for the next", "[executor]") {
    CHECK(serially(cancelled_while_it_waits()) == "c20");
}

TEST_CASE("as_completed: may go away before the tasks have ended", "[executor]") {
    CHECK(serially(nobody_listens_any_more()) == "5");
}

TEST_CASE("as_completed: misses none of many, on several workers", "[executor]") {
    scheduler on{{.workers = 3}};
    CHECK(run(on, sum_of_many()) == 1999L * 2000 / 2);
}
