#include "gatherd/executor/timeout.hpp"

#include <catch2/catch.hpp>
#include <memory>
#include <stdexcept>
#include <string>

#include "gatherd/executor/create_task.hpp"
#include "gatherd/executor/sleep.hpp"
#include "tests/unit/executor/serially.hpp"

using namespace gatherd::executor;
using namespace std::chrono_literals;

namespace {

/// What an awaitable gives or raises, and what is left of cancellations.
task<std::string> outcome_of(task<std::string> inner) {
    std::string text;
    try {
        text = co_await std::move(inner);
    } catch (const timeout_error&) {
        text = "timeout";
    } catch (const cancelled_error&) {
        text = "cancelled";
    } catch (const std::exception& e) {
        text = e.what();
    }
    text += " " + std::to_string(task_state::current().cancelling());
    co_await yield();  // raises if a request was left over
    co_return text;
}

task<std::string> waits_for_ever(timeout_scope&) {
    co_await sleep(1h);
    co_return "!";
}

task<std::string> in_time(timeout_scope& scope) {
    co_await yield();
    co_return scope.expired() ? "expired" : "in time";
}

task<std::string> fails_after_cancel(timeout_scope&) {
    try {
        co_await sleep(1h);
    } catch (const cancelled_error&) {
        throw std::runtime_error{"clean-up"};
    }
    co_return "!";
}

task<std::string> swallows(timeout_scope& scope) {
    try {
        co_await sleep(1h);
    } catch (const cancelled_error&) {
    }
    co_return scope.expired() ? "swallowed" : "!";
}

task<std::string> postponed(timeout_scope& scope) {
    scope.reschedule(clock::now() + 1h);
    co_await sleep(5ms);
    const bool late = scope.when() > clock::now();
    scope.reschedule(std::nullopt);
    co_await yield();
    const bool none = !scope.when();
    scope.reschedule(clock::now());
    co_await sleep(1h);
    co_return late&& none ? "!" : "?";
}

task<std::string> rescheduled_too_late(timeout_scope& scope) {
    try {
        co_await sleep(1h);
    } catch (const cancelled_error&) {
        scope.reschedule(clock::now() + 1h);
    }
    co_return "!";
}

/// The inner limit passes first, or the outer one; each is to raise its own error.
task<std::string> nested(std::chrono::nanoseconds outer, std::chrono::nanoseconds inner) {
    std::string out;
    const auto inner_body = [](timeout_scope&) -> task<std::string> {
        co_await sleep(1h);
        co_return "!";
    };
    const auto outer_body = [&out, inner, inner_body](timeout_scope&) -> task<std::string> {
        try {
            co_await timeout(inner, inner_body);
        } catch (const timeout_error&) {
            out += "inner ";
        }
        co_await yield();
        co_return "after inner";
    };
    const std::string text = co_await outcome_of(timeout(outer, outer_body));
    co_return out + text;
}

/// Holds the only worker up, so that all timers until then fire together.
void stall_until(clock::time_point when) {
    while (clock::now() <= when) {
    }
}

task<std::string> nested_passed_together(std::string& out) {
    const auto when = clock::now() + 1ms;
    const auto inner_body = [when](timeout_scope&) -> task<std::string> {
        stall_until(when);
        co_await sleep(1h);
        co_return "!";
    };
    const auto outer_body = [&out, when, inner_body](timeout_scope&) -> task<std::string> {
        try {
            co_await timeout_at(when, inner_body);
        } catch (const timeout_error&) {
            out += "inner ";
        } catch (const cancelled_error&) {
            out += "cancelled ";
            throw;
        }
        co_return "!";
    };
    co_return co_await outcome_of(timeout_at(when, outer_body));
}

task<> cancels_at(clock::time_point when, task_handle<std::string> victim) {
    co_await sleep_until(when);
    victim.cancel();
}

task<std::string> cancelled_from_outside() {
    const auto limited = create_task(outcome_of(timeout(1h, waits_for_ever)));
    co_await yield();
    limited.cancel();
    co_return co_await limited;
}

/// The request from outside is made when the deadline has passed, and before the task runs again.
task<std::string> cancelled_from_outside_when_passed() {
    const auto when = clock::now() + 1ms;
    const auto limited = create_task(outcome_of(timeout_at(when + 1ms, waits_for_ever)));
    const auto other = create_task(cancels_at(when, limited));
    co_await yield();
    stall_until(when + 2ms);
    co_await other;
    co_return co_await limited;
}

task<std::string> in_a_clean_up(std::string& out) {
    try {
        co_await sleep(1h);
    } catch (const cancelled_error&) {
        out = "cleans up: ";
    }
    try {
        co_await timeout(2ms, waits_for_ever);
    } catch (const timeout_error&) {
        out += "timeout, ";
    }
    co_await yield();
    co_return "went on";
}

task<std::string> limited_in_a_clean_up() {
    std::string out;
    const auto cleaning = create_task(outcome_of(in_a_clean_up(out)));
    co_await yield();
    cleaning.cancel();
    const std::string text = co_await cleaning;
    co_return out + text;
}

task<std::unique_ptr<int>> result_to_move() {
    const auto body = [](timeout_scope&) -> task<std::unique_ptr<int>> { co_return std::make_unique<int>(42); };
    co_return co_await timeout(1h, body);
}

}  // namespace

TEST_CASE("timeout: gives the body's result in time", "[executor]") {
    CHECK(serially(outcome_of(timeout(1h, in_time))) == "in time 0");
    CHECK(serially(outcome_of(timeout(std::nullopt, in_time))) == "in time 0");
    CHECK(*serially(result_to_move()) == 42);
}

TEST_CASE("timeout: raises TimeoutError when time runs out, and leaves no cancellation behind", "[executor]") {
    CHECK(serially(outcome_of(timeout(2ms, waits_for_ever))) == "timeout 0");
    CHECK(serially(outcome_of(timeout(0ms, waits_for_ever))) == "timeout 0");
    CHECK(serially(outcome_of(timeout_at(clock::now() - 1h, waits_for_ever))) == "timeout 0");
}

TEST_CASE("timeout: another exception of the body is raised as it is", "[executor]") {
    CHECK(serially(outcome_of(timeout(2ms, fails_after_cancel))) == "clean-up 0");
}

TEST_CASE("timeout: a body that swallows the cancellation gives its result", "[executor]") {
    CHECK(serially(outcome_of(timeout(2ms, swallows))) == "swallowed 0");
}

TEST_CASE("timeout: can be moved, and taken away", "[executor]") {
    CHECK(serially(outcome_of(timeout(1h, postponed))) == "timeout 0");
}

TEST_CASE("timeout: cannot be moved when it has passed", "[executor]") {
    CHECK(serially(outcome_of(timeout(2ms, rescheduled_too_late))) == "Cannot change state of expiring Timeout 0");
}

TEST_CASE("timeout: nested ones raise each its own error", "[executor]") {
    CHECK(serially(nested(1h, 2ms)) == "inner after inner 0");
    CHECK(serially(nested(2ms, 1h)) == "timeout 0");
}

TEST_CASE("timeout: of nested ones that pass together the outermost raises the error", "[executor]") {
    scheduler on{{.workers = 1}};
    std::string out;
    CHECK(run(on, nested_passed_together(out)) == "timeout 0");
    CHECK(out == "cancelled ");
}

TEST_CASE("timeout: a cancellation from outside is no TimeoutError, even when time has run out too", "[executor]") {
    scheduler on{{.workers = 1}};
    CHECK(run(on, cancelled_from_outside()) == "cancelled 1");
    CHECK(run(on, cancelled_from_outside_when_passed()) == "cancelled 1");
}

TEST_CASE("timeout: in the clean-up of a cancelled task it is a TimeoutError all the same", "[executor]") {
    CHECK(serially(limited_in_a_clean_up()) == "cleans up: timeout, went on 1");
}
