#include "gatherd/executor/task_group.hpp"

#include <catch2/catch.hpp>
#include <memory>
#include <stdexcept>
#include <string>

#include "gatherd/executor/exception_group.hpp"
#include "gatherd/executor/sleep.hpp"
#include "tests/unit/executor/serially.hpp"

using namespace gatherd::executor;
using namespace std::chrono_literals;

namespace {

task<int> number(int n) {
    co_await yield();
    co_return n;
}

task<> fails(const char* why, int turns = 1) {
    for (int i = 0; i < turns; ++i) {
        co_await yield();
    }
    throw std::runtime_error{why};
}

template <typename Exception>
task<> fails_when_cancelled(Exception what) {
    try {
        co_await sleep(1h);
    } catch (const cancelled_error&) {
        throw what;
    }
}

/// Notes `letter` when it is cancelled, and its capital when its clean-up has ended.
task<> waits(std::string& out, char letter) {
    bool cancelled = false;
    try {
        co_await sleep(1h);
    } catch (const cancelled_error&) {
        out.push_back(letter);
        cancelled = true;
    }
    co_await yield();
    out.push_back(static_cast<char>(letter - 'a' + 'A'));
    if (cancelled) {
        throw cancelled_error{};
    }
}

std::string text_of(const exception_group& group) {
    std::string text = group.what();
    for (const auto& each : group.exceptions()) {
        try {
            std::rethrow_exception(each);
        } catch (const std::exception& e) {
            text += std::string{", "} + e.what();
        } catch (int n) {
            text += ", int " + std::to_string(n);
        }
    }
    return text;
}

/// What a group with this body gives or raises, and what is left of cancellations.
template <typename Body>
task<std::string> outcome_of(Body body) {
    std::string text;
    try {
        text = co_await with_task_group(body);
    } catch (const exception_group& e) {
        text = text_of(e);
    } catch (const cancelled_error&) {
        text = "cancelled";
    }
    text += " " + std::to_string(task_state::current().cancelling());
    co_await yield();  // raises if a request was left over
    co_return text;
}

task<std::string> sums() {
    const auto body = [](task_group& group) -> task<std::string> {
        const auto a = group.create_task(number(1), "one");
        const auto b = group.create_task(number(2));
        const int second = co_await b;
        co_return a.name() + " " + std::to_string(a.result() + second);
    };
    co_return co_await outcome_of(body);
}

task<std::string> waits_for_all() {
    std::string out;
    const auto body = [&out](task_group& group) -> task<> {
        group.create_task([](std::string& to) -> task<> {
            co_await yield();
            co_await yield();
            to.push_back('t');
        }(out));
        out.push_back('b');
        co_return;
    };
    co_await with_task_group(body);
    co_return out + "e";
}

task<std::string> one_fails(bool body_waits) {
    std::string out;
    const auto body = [&out, body_waits](task_group& group) -> task<std::string> {
        group.create_task(waits(out, 'a'));
        group.create_task(fails("boom"));
        if (body_waits) {
            co_await waits(out, 'b');
        }
        co_return "!";
    };
    const std::string text = co_await outcome_of(body);
    co_return out + " " + text;
}

task<std::string> body_fails() {
    std::string out;
    const auto body = [&out](task_group& group) -> task<std::string> {
        group.create_task(waits(out, 'a'));
        group.create_task(fails("task", 2));
        co_await yield();
        throw std::runtime_error{"body"};
    };
    const std::string text = co_await outcome_of(body);
    co_return out + " " + text;
}

task<std::string> several_fail() {
    const auto body = [](task_group& group) -> task<std::string> {
        group.create_task(fails("one"));
        group.create_task(fails_when_cancelled(std::runtime_error{"two"}));
        group.create_task(fails_when_cancelled(5));
        co_await sleep(1h);
        co_return "!";
    };
    co_return co_await outcome_of(body);
}

task<std::string> parent_is_cancelled(bool a_task_fails) {
    std::string out;
    const auto body = [&out, a_task_fails](task_group& group) -> task<std::string> {
        group.create_task(waits(out, 'a'));
        group.create_task([](bool then_fails) -> task<> {
            try {
                co_await sleep(1h);
            } catch (const cancelled_error&) {
                if (!then_fails) {
                    throw;
                }
            }
            throw std::runtime_error{"clean-up"};
        }(a_task_fails));
        co_return "!";
    };
    const auto parent = create_task([](auto b) -> task<std::string> { co_return co_await outcome_of(b); }(body));
    co_await yield();
    co_await yield();
    parent.cancel();
    const std::string text = co_await parent;
    co_return out + " " + text;
}

/// The request from outside comes when the group has cancelled its parent already.
task<std::string> cancelled_from_both_sides() {
    std::string out;
    const auto body = [&out](task_group& group) -> task<std::string> {
        group.create_task(waits(out, 'a'));
        group.create_task(fails("boom"));
        co_await sleep(1h);
        co_return "!";
    };
    const auto parent = create_task([](auto b) -> task<std::string> { co_return co_await outcome_of(b); }(body));
    while (out.empty()) {
        co_await yield();
    }
    parent.cancel();
    co_await wait(parent.ref());
    co_return out + " " + parent.result();
}

task<std::string> task_cancelled_alone() {
    std::string out;
    const auto body = [&out](task_group& group) -> task<std::string> {
        const auto a = group.create_task(waits(out, 'a'));
        const auto b = group.create_task(number(1));
        co_await yield();
        a.cancel();
        co_await wait(a.ref());
        const int one = co_await b;
        co_return std::to_string(one);
    };
    const std::string text = co_await outcome_of(body);
    co_return out + " " + text;
}

task<std::string> nested() {
    const auto inner = [](task_group& group) -> task<> {
        group.create_task(fails("inner"));
        co_await sleep(1h);
    };
    const auto body = [inner](task_group& group) -> task<std::string> {
        const auto child = group.create_task(with_task_group(inner));
        co_await sleep(1h);
        co_return "!";
    };
    co_return co_await outcome_of(body);
}

task<std::string> created_while_it_shuts_down() {
    std::string out;
    const auto body = [&out](task_group& group) -> task<std::string> {
        group.create_task(fails("boom"));
        try {
            co_await sleep(1h);
        } catch (const cancelled_error&) {
            group.create_task(waits(out, 'a'));
            throw;
        }
        co_return "!";
    };
    const std::string text = co_await outcome_of(body);
    co_return out + text;
}

task<int> handles_after_the_group() {
    std::vector<task_handle<int>> handles;
    const auto body = [&handles](task_group& group) -> task<> {
        handles.push_back(group.create_task(number(40)));
        handles.push_back(group.create_task(number(2)));
        co_return;
    };
    co_await with_task_group(body);
    co_return handles[0].result() + co_await handles[1];
}

task<std::unique_ptr<int>> result_to_move() {
    const auto body = [](task_group&) -> task<std::unique_ptr<int>> { co_return std::make_unique<int>(42); };
    co_return co_await with_task_group(body);
}

task<> fails_at_random(int n) {
    co_await sleep(std::chrono::microseconds{n % 50});
    if (n == 500) {
        throw std::runtime_error{"boom"};
    }
    co_await sleep(1h);
}

task<std::string> on_several_workers() {
    const auto body = [](task_group& group) -> task<std::string> {
        for (int n = 0; n < 1000; ++n) {
            group.create_task(fails_at_random(n));
        }
        co_return "";
    };
    co_return co_await outcome_of(body);
}

}  // namespace

TEST_CASE("task_group: gives the body's result when all tasks have ended", "[executor]") {
    CHECK(serially(sums()) == "one 3 0");
    CHECK(serially(waits_for_all()) == "bte");
}

TEST_CASE("task_group: when a task fails the others are cancelled, and may clean up", "[executor]") {
    CHECK(serially(one_fails(false)) == "aA unhandled errors in a TaskGroup (1 sub-exception), boom 0");
}

TEST_CASE("task_group: when a task fails the body is cancelled, and that is forgotten after the group", "[executor]") {
    CHECK(serially(one_fails(true)) == "abAB unhandled errors in a TaskGroup (1 sub-exception), boom 0");
}

TEST_CASE("task_group: when the body fails the tasks are cancelled, and its exception is the last", "[executor]") {
    CHECK(serially(body_fails()) == "aA unhandled errors in a TaskGroup (1 sub-exception), body 0");
}

TEST_CASE("task_group: exceptions of any type are raised as one, in the order of failing", "[executor]") {
    CHECK(serially(several_fail()) == "unhandled errors in a TaskGroup (3 sub-exceptions), one, two, int 5 0");
}

TEST_CASE("task_group: a cancelled parent cancels the tasks, and raises CancelledError if none fails", "[executor]") {
    CHECK(serially(parent_is_cancelled(false)) == "aA cancelled 1");
    CHECK(serially(parent_is_cancelled(true)) == "aA unhandled errors in a TaskGroup (1 sub-exception), clean-up 1");
}

TEST_CASE("task_group: takes back only its own cancellation of the parent", "[executor]") {
    CHECK(serially(cancelled_from_both_sides()) == "aA unhandled errors in a TaskGroup (1 sub-exception), boom 1");
}

TEST_CASE("task_group: a task that others cancel just ends", "[executor]") {
    CHECK(serially(task_cancelled_alone()) == "aA 1 0");
}

TEST_CASE("task_group: one within another raises a group within a group", "[executor]") {
    CHECK(serially(nested()) ==
          "unhandled errors in a TaskGroup (1 sub-exception), unhandled errors in a TaskGroup (1 sub-exception) 0");
}

TEST_CASE("task_group: a task that is created while it shuts down never runs", "[executor]") {
    CHECK(serially(created_while_it_shuts_down()) == "unhandled errors in a TaskGroup (1 sub-exception), boom 0");
}

TEST_CASE("task_group: the handles keep the results when the group has ended", "[executor]") {
    CHECK(serially(handles_after_the_group()) == 42);
}

TEST_CASE("task_group: a result may be movable only", "[executor]") {
    CHECK(*serially(result_to_move()) == 42);
}

TEST_CASE("task_group: a thousand tasks on several workers end when one fails", "[executor]") {
    scheduler on{{.workers = 3}};
    CHECK(run(on, on_several_workers()) == "unhandled errors in a TaskGroup (1 sub-exception), boom 0");
}

TEST_CASE("task_group: the body may give a reference", "[executor]") {
    int kept = 1;
    const auto body = [&kept](task_group&) -> task<int&> { co_return kept; };
    const auto main = [](auto& give) -> task<bool> {
        int& given = co_await with_task_group(give);
        given = 2;
        co_return true;
    };
    CHECK(run(main(body)));
    CHECK(kept == 2);
}
