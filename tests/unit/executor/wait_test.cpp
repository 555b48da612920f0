#include "gatherd/executor/wait.hpp"

#include <catch2/catch.hpp>
#include <stdexcept>
#include <string>
#include <vector>

#include "gatherd/executor/create_task.hpp"
#include "gatherd/executor/event.hpp"
#include "gatherd/executor/sleep.hpp"
#include "tests/unit/executor/serially.hpp"

using namespace gatherd::executor;
using namespace std::chrono_literals;

namespace {

task<> returns() {
    co_await yield();
}

task<> raises() {
    co_await yield();
    co_await yield();
    throw std::runtime_error{"boom"};
}

task<> waits_for(event& gate) {
    co_await gate.wait();
}

/// Tasks of which the first returns, the second is cancelled after that, the third raises, and the last returns: what
/// has ended when the wait is over, each by a letter.
task<std::string> ended_after(return_when when) {
    event never;
    event gate;
    std::vector<task_handle<>> tasks;
    tasks.push_back(create_task(returns()));
    tasks.push_back(create_task(waits_for(never)));
    tasks.push_back(create_task(waits_for(gate)));
    const auto directs = [](task_handle<> first, task_handle<> second, event& last) -> task<> {
        co_await wait(first.ref());
        co_await yield();
        second.cancel();
        co_await wait(second.ref());
        co_await yield();
        co_await create_task(returns());
        last.set();
    };
    const auto director = create_task(directs(tasks[0], tasks[1], gate));
    tasks.push_back(create_task(raises()));
    std::vector<task_ref> refs;
    for (const auto& each : tasks) {
        refs.push_back(each.ref());
    }
    refs.push_back(refs.front());  // named twice
    const wait_result result = co_await wait(refs, when);
    std::string text = result.over ? "" : "not over ";
    for (const auto& each : tasks) {
        text += each.done() ? ends_of(each) : "-";
        text += result.decisive.get() == each.ref().get() ? "!" : "";
    }
    co_await wait(refs);
    co_await director;
    for (const auto& each : tasks) {
        each.ignore_exception();
    }
    co_return text;
}

/// One that had ended before, named first, and one that ends later: whether the wait saw both ends.
task<bool> waits_for_the_one_that_has_not_ended(return_when when) {
    event gate;
    const auto ended = create_task(returns());
    co_await ended;
    const auto running = create_task(waits_for(gate));
    const auto sets_later = [](event& late) -> task<> {
        co_await yield();
        late.set();
    };
    const auto setter = create_task(sets_later(gate));
    const std::vector<task_ref> both{ended.ref(), running.ref()};
    const wait_result result = co_await wait(both, when);
    const bool saw_both = result.over && running.done() && result.decisive.get() == running.ref().get();
    co_await setter;
    co_await running;
    co_return saw_both;
}

task<std::string> cancelled_while_it_waits(bool forwards) {
    event gate;
    const auto inner = create_task(waits_for(gate));
    const auto waits = [](task_ref other, bool passes_on) -> task<bool> {
        const std::span<const task_ref> one{&other, 1};
        if (!passes_on) {
            co_await wait(one);
            co_return true;
        }
        const wait_result result = co_await wait_as_gather(one, return_when::all_completed);
        co_return result.cancel_requested&& result.request != 0;
    };
    const auto outer = create_task(waits(inner.ref(), forwards));
    co_await yield();
    co_await yield();
    outer.cancel();
    co_await wait(outer.ref());
    const bool was_left_alone = !inner.done();
    gate.set();
    co_await wait(inner.ref());
    co_return ends_of(outer, inner) + (was_left_alone ? " left alone" : "");
}

task<std::string> runs_out_of_time() {
    event gate;
    const auto inner = create_task(waits_for(gate));
    const wait_result late = co_await wait(inner.ref(), 1ms);
    std::string text = late.over || late.decisive ? "over" : "not over";
    text += inner.done() ? ", ended" : ", not ended";
    gate.set();
    const wait_result in_time = co_await wait(inner.ref(), 1h);
    co_return text + (in_time.over ? ", over" : ", not over");
}

}  // namespace

TEST_CASE("wait: is over when return_when says so, and names the task that decided", "[executor]") {
    CHECK(serially(ended_after(return_when::first_completed)) == "v!---");
    CHECK(serially(ended_after(return_when::first_exception)) == "v--x!");
    CHECK(serially(ended_after(return_when::all_completed)) == "vcv!x");
}

TEST_CASE("wait: for the first failure a cancelled task counts, for the first exception it does not", "[executor]") {
    const auto main = [](return_when when) -> task<std::string> {
        event never;
        event gate;
        const auto cancelled = create_task(waits_for(never));
        const auto other = create_task(waits_for(gate));
        const auto waits = [](std::vector<task_ref> tasks, return_when kind) -> task<> { co_await wait(tasks, kind); };
        const auto waiter = create_task(waits({cancelled.ref(), other.ref()}, when));
        for (int i = 0; i < 5; ++i) {
            co_await yield();
        }
        cancelled.cancel();
        for (int i = 0; i < 5; ++i) {
            co_await yield();
        }
        std::string text = waiter.done() ? "over" : "not over";
        gate.set();
        co_await waiter;
        co_await wait(other.ref());
        co_return text;
    };
    CHECK(serially(main(return_when::first_failure)) == "over");
    CHECK(serially(main(return_when::first_exception)) == "not over");
}

TEST_CASE("wait: cancelled, it leaves the tasks alone; wait_as_gather passes the request on", "[executor]") {
    CHECK(serially(cancelled_while_it_waits(false)) == "cv left alone");
    CHECK(serially(cancelled_while_it_waits(true)) == "vc");
}

TEST_CASE("wait: a timeout ends the wait and not the task", "[executor]") {
    CHECK(serially(runs_out_of_time()) == "not over, not ended, over");
}

TEST_CASE("wait: of no tasks it returns at once", "[executor]") {
    const auto main = []() -> task<bool> {
        const wait_result result = co_await wait(std::vector<task_ref>{});
        co_return !result.over && !result.decisive;
    };
    CHECK(serially(main()));
}

TEST_CASE("wait: a task that had ended before decides nothing for those that have not", "[executor]") {
    for (const auto when : {return_when::first_exception, return_when::first_failure, return_when::all_completed}) {
        CHECK(serially(waits_for_the_one_that_has_not_ended(when)));
    }
}
