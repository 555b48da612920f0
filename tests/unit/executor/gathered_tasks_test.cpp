#include "gatherd/executor/detail/gathered_tasks.hpp"

#include <catch2/catch.hpp>
#include <chrono>
#include <optional>
#include <stdexcept>
#include <string>

#include "gatherd/executor/event.hpp"
#include "gatherd/executor/run.hpp"
#include "gatherd/executor/sleep.hpp"

using namespace gatherd::executor;
using namespace std::chrono_literals;

namespace {

task<int> gives(int result) {
    co_return result;
}

task<int> waits_for(event& gate, int result) {
    co_await gate.wait();
    co_return result;
}

task<int> raises() {
    co_await yield();
    throw std::runtime_error{"raised"};
}

task<bool> all_end() {
    gathered_tasks<int> some{4, return_when::all_completed};
    event gate;
    some.create(0, waits_for(gate, 1));
    some.create(1, raises());
    some.create(3, gives(2));
    gate.set();
    const wait_result ended = co_await some.wait();
    const auto& tasks = some.tasks();
    co_return ended.over && !ended.cancel_requested && tasks[0].result() == 1 && tasks[1].exception() != nullptr &&
        !tasks[2] && tasks[3].result() == 2;
}

task<bool> a_failure_decides_while_others_run() {
    event gate;
    task_handle<int> runs;
    bool is_right = false;
    {
        gathered_tasks<int> some{2, return_when::first_failure};
        some.create(0, waits_for(gate, 1));
        some.create(1, raises());
        runs = some.tasks()[0];
        const wait_result ended = co_await some.wait();
        is_right = ended.over && ended.decisive.get() == some.tasks()[1].ref().get() && !runs.done();
        some.tasks()[1].ignore_exception();
    }
    gate.set();
    co_return is_right&& co_await runs == 1;
}

task<bool> those_that_have_ended_are_not_waited_for() {
    gathered_tasks<int> some{2, return_when::first_failure};
    some.create(0, gives(1));
    some.create(1, gives(2));
    while (!some.tasks()[0].done() || !some.tasks()[1].done()) {
        co_await yield();
    }
    const wait_result ended = co_await some.wait();
    gathered_tasks<int> none{3, return_when::all_completed};
    co_return ended.over && !ended.decisive && (co_await none.wait()).over;
}

task<std::string> a_cancellation_is_passed_on() {
    event gate;
    event begun;
    const auto gathers = [](event& waited, event& has_begun) -> task<std::string> {
        gathered_tasks<int> some{2, return_when::all_completed};
        some.create(0, waits_for(waited, 1));
        some.create(1, waits_for(waited, 2));
        has_begun.set();
        const wait_result ended = co_await some.wait();
        std::string text = ended.cancel_requested && ended.request != 0 ? "asked" : "not asked";
        for (const auto& each : some.tasks()) {
            text += each.cancelled() ? " cancelled" : " not cancelled";
        }
        co_return text;
    };
    const auto outer = create_task(gathers(gate, begun));
    co_await begun.wait();
    co_await yield();
    outer.cancel();
    co_return co_await outer;
}

}  // namespace

TEST_CASE("gathered_tasks: a wait for all ends when all have ended, however they did", "[executor]") {
    CHECK(run(all_end()));
    CHECK(run(those_that_have_ended_are_not_waited_for()));
}

TEST_CASE("gathered_tasks: the first failure ends the wait, and the others run on without it", "[executor]") {
    CHECK(run(a_failure_decides_while_others_run()));
}

TEST_CASE("gathered_tasks: a cancellation is passed on, and the wait goes on until they have ended", "[executor]") {
    CHECK(run(a_cancellation_is_passed_on()) == "asked cancelled cancelled");
}
