// A request to cancel that reaches many tasks: in pieces, and yet as one.
#include "executor/src/cancellation_walk.hpp"

#include <algorithm>
#include <atomic>
#include <catch2/catch.hpp>
#include <chrono>
#include <cstddef>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include "gatherd/executor/create_task.hpp"
#include "gatherd/executor/detail/gathered_tasks.hpp"
#include "gatherd/executor/errors.hpp"
#include "gatherd/executor/event.hpp"
#include "gatherd/executor/run.hpp"
#include "gatherd/executor/scheduler.hpp"
#include "gatherd/executor/sleep.hpp"
#include "gatherd/executor/wait.hpp"
#include "tests/unit/executor/serially.hpp"

using namespace gatherd::executor;
using namespace std::chrono_literals;

namespace {

constexpr std::size_t many = 5 * cancellation_walk::piece + 7;

using numbers = std::vector<std::size_t>;

struct many_tasks {
    std::vector<task_handle<>> handles{};
    std::vector<task_ref> refs{};

    void add(task<> one) {
        handles.push_back(create_task(std::move(one)));
        refs.push_back(handles.back().ref());
    }

    /// How many have been told to end.
    [[nodiscard]] std::size_t told() const {
        return static_cast<std::size_t>(std::count_if(handles.begin(), handles.end(), [](const task_handle<>& each) {
            return each.done() || each.cancelling() > 0;
        }));
    }

    [[nodiscard]] bool have_begun() const {
        return std::all_of(refs.begin(), refs.end(), [](const task_ref& each) { return each->has_waited(); });
    }
};

task<> an_hour() {
    co_await sleep(1h);
}

task<many_tasks> begun(many_tasks tasks) {
    while (!tasks.have_begun()) {
        co_await yield();
    }
    co_return tasks;
}

task<many_tasks> many_hours() {
    many_tasks tasks;
    for (std::size_t i = 0; i < many; ++i) {
        tasks.add(an_hour());
    }
    co_return co_await begun(std::move(tasks));
}

/// Gives how many were told at once. All end.
task<std::size_t> told_at_once() {
    const many_tasks tasks = co_await many_hours();
    task_state::cancel_each(tasks.refs, "enough");
    const std::size_t told = tasks.told();
    co_await wait(tasks.refs);
    for (const task_handle<>& each : tasks.handles) {
        CHECK(each.cancelled());
        CHECK(each.cancelling() == 1);
    }
    co_return told;
}

task<> gathers_hours(std::atomic<bool>& has_begun) {
    gathered_tasks<void> g{many, return_when::all_completed};
    for (std::size_t i = 0; i < many; ++i) {
        g.create(i, an_hour());
    }
    while (!std::all_of(g.tasks().begin(), g.tasks().end(),
                        [](const task_handle<>& each) { return each.ref()->has_waited(); })) {
        co_await yield();
    }
    has_begun = true;
    const wait_result ended = co_await g.wait();
    CHECK(ended.cancel_requested);
    for (const task_handle<>& each : g.tasks()) {
        CHECK(each.cancelled());
    }
}

/// Of a task that awaits many, the number that it passed the request on to at once.
task<> passes_on() {
    std::atomic<bool> has_begun = false;
    const auto gathering = create_task(gathers_hours(has_begun));
    while (!has_begun) {
        co_await yield();
    }
    CHECK(gathering.cancel());
    co_await wait(gathering.ref());
    CHECK_FALSE(gathering.failed());
}

task<> writes_its_end(std::size_t number, const many_tasks& all, numbers& ends, numbers& told) {
    try {
        co_await sleep(1h);
    } catch (const cancelled_error&) {
        ends.push_back(number);
        told.push_back(all.told());
    }
    co_await yield();
    ends.push_back(number);
}

/// The steps of a serial scope, of which none comes before the last task has been told.
task<std::pair<numbers, numbers>> order_of_the_ends() {
    many_tasks tasks;
    numbers ends;
    numbers told;
    tasks.handles.reserve(many);
    for (std::size_t i = 0; i < many; ++i) {
        tasks.add(writes_its_end(i, tasks, ends, told));
    }
    while (!tasks.have_begun()) {
        co_await yield();
    }
    task_state::cancel_each(tasks.refs, {});
    co_await wait(tasks.refs);
    co_return std::pair{ends, told};
}

task<> leaves_many(std::atomic<std::size_t>& cleaned_up) {
    for (std::size_t i = 0; i < many; ++i) {
        const auto waits = [](std::atomic<std::size_t>& counted) -> task<> {
            try {
                co_await sleep(1h);
            } catch (const cancelled_error&) {
                ++counted;
            }
            co_await yield();
            ++counted;
        };
        create_task(waits(cleaned_up));
    }
    co_await sleep(10ms);
}

task<> waits_for(event& what, std::atomic<std::size_t>& ended) {
    try {
        co_await what.wait();
    } catch (const cancelled_error&) {
    }
    ++ended;
}

/// They go on by themselves when the request has been on its way for a piece: it is left over when they have all ended.
task<> ends_before_the_walk(std::atomic<std::size_t>& ended) {
    event go_on;
    many_tasks tasks;
    for (std::size_t i = 0; i < many; ++i) {
        tasks.add(waits_for(go_on, ended));
    }
    while (!tasks.have_begun()) {
        co_await yield();
    }
    go_on.set();
    task_state::cancel_each(tasks.refs, {});
    co_await wait(tasks.refs);
}

}  // namespace

TEST_CASE("cancel_each: a worker tells and takes out of their waits only so many tasks in one go", "[executor]") {
    scheduler on{{.workers = 1}};
    CHECK(run(on, told_at_once()) == cancellation_walk::piece);
}

TEST_CASE("cancel: a request that is passed on to many reaches each of them, once", "[executor]") {
    for (const std::size_t workers : {1, 3}) {
        scheduler on{{.workers = workers}};
        run(on, passes_on());
    }
}

TEST_CASE("cancel_each: many tasks of a serial scope are asked before any of them goes on", "[executor]") {
    const auto [ends, told] = serially(order_of_the_ends());
    numbers in_order(many);
    std::iota(in_order.begin(), in_order.end(), std::size_t{0});
    numbers twice = in_order;
    twice.insert(twice.end(), in_order.begin(), in_order.end());
    CHECK(ends == twice);
    CHECK(told == numbers(many, many));
}

TEST_CASE("close: many tasks that are left behind are cancelled and awaited", "[executor]") {
    for (const ordering order : {ordering::parallel, ordering::serial}) {
        std::atomic<std::size_t> cleaned_up{0};
        scheduler on{{.workers = 2}};
        run(on, leaves_many(cleaned_up), order);
        CHECK(cleaned_up == 2 * many);
    }
}

TEST_CASE("cancel_each: the scheduler may end before a request has reached the last of many", "[executor]") {
    for (int i = 0; i < 20; ++i) {
        std::atomic<std::size_t> ended{0};
        {
            scheduler on{{.workers = 1}};
            run(on, ends_before_the_walk(ended));
        }
        CHECK(ended == many);
    }
}
