// What every function that starts tasks and waits for them has in common: it returns only when they have ended, and
// passes the request on that it is cancelled by, so that no clean-up is interrupted twice by one request.
#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "gatherd/executor/cancel_and_wait.hpp"
#include "gatherd/executor/event.hpp"
#include "gatherd/executor/gather.hpp"
#include "gatherd/executor/race.hpp"
#include "gatherd/executor/sleep.hpp"
#include "gatherd/executor/task_group.hpp"
#include "gatherd/executor/wait_for.hpp"
#include "tests/unit/executor/serially.hpp"

using namespace gatherd::executor;
using namespace std::chrono_literals;

namespace {

/// A child, which waits until it is cancelled and then cleans up until `done` is set.
struct child_record {
    task_ref task{};
    event done{};
    std::string seen{};  // c: cancelled, x: interrupted in its clean-up, C: ended; '.': what had started it returned

    [[nodiscard]] bool waits() const { return task && task->has_waited(); }
};

task<int> child(child_record& record) {
    record.task = task_ref{&task_state::current()};
    try {
        co_await sleep(1h);
    } catch (const cancelled_error&) {
        record.seen.push_back('c');
    }
    for (bool is_done = false; !is_done;) {
        try {
            co_await record.done.wait();
            is_done = true;
        } catch (const cancelled_error&) {
            record.seen.push_back('x');
        }
    }
    record.seen.push_back('C');
    co_return 0;
}

task<int> an_hour() {
    co_await sleep(1h);
    co_return 0;
}

enum class form { gather_of_range, gather_of_two, exceptions, race, limited, group, group_and_body, ended_early };
constexpr form all_forms[] = {form::gather_of_range, form::gather_of_two, form::exceptions,     form::race,
                              form::limited,         form::group,         form::group_and_body, form::ended_early};

task<> combine(form kind, child_record& record) {
    std::vector<task<int>> range;
    switch (kind) {
        case form::gather_of_range:
            range.push_back(child(record));
            range.push_back(an_hour());
            co_await gather(std::move(range));
            break;
        case form::gather_of_two:
            co_await gather(an_hour(), child(record));
            break;
        case form::exceptions:
            range.push_back(child(record));
            co_await gather_exceptions(std::move(range));
            break;
        case form::race:
            co_await race(an_hour(), child(record));
            break;
        case form::limited:
            co_await wait_for(child(record), 1h);
            break;
        case form::group:
        case form::group_and_body: {
            const auto body = [&record, kind](task_group& group) -> task<> {
                group.create_task(child(record));
                if (kind == form::group_and_body) {
                    co_await sleep(1h);
                }
            };
            co_await with_task_group(body);
            break;
        }
        case form::ended_early: {
            const auto started = create_task(child(record));
            std::uint64_t request = 0;
            try {
                co_await sleep(1h);
            } catch (const cancelled_error& error) {
                request = error.request();
            }
            co_await cancel_and_wait(started.ref(), request);
            throw cancelled_error{{}, request};
        }
    }
}

task<> combine_and_note(form kind, child_record& record) {
    try {
        co_await combine(kind, record);
    } catch (const cancelled_error&) {
        record.seen.push_back('.');
        throw;
    }
    record.seen.push_back('!');
}

task<> some_turns() {
    for (int i = 0; i < 10; ++i) {
        co_await yield();
    }
}

task<std::string> cancelled_three_times(form kind) {
    child_record record;
    const auto whole = create_task(combine_and_note(kind, record));
    while (!record.waits()) {
        co_await yield();
    }
    for (int i = 0; i < 3; ++i) {
        whole.cancel();
        co_await some_turns();
    }
    record.seen += whole.done() ? "?" : "";
    record.done.set();
    co_await wait(whole.ref());
    record.task = {};
    std::erase(record.seen, 'x');  // these were three requests
    co_return record.seen + ends_of(whole);
}

/// The child hears of the request first, and is in its clean-up when the task that has started it hears of it.
task<std::string> reached_twice_by_one_request(form kind) {
    child_record record;
    const auto whole = create_task(combine_and_note(kind, record));
    while (!record.waits()) {
        co_await yield();
    }
    const std::vector<task_ref> both{record.task, whole.ref()};
    task_state::cancel_each(both, {});
    co_await some_turns();
    record.done.set();
    co_await wait(whole.ref());
    record.task = {};
    co_return record.seen + ends_of(whole);
}

task<bool> cancelled_when_the_budget_is_spent(int awaits) {
    child_record record;
    const auto started = create_task(child(record));
    while (!record.waits()) {
        co_await yield();
    }
    event there;
    there.set();
    for (int i = 0; i < awaits; ++i) {
        co_await there.wait();
    }
    record.done.set();
    task_state::current().cancel();
    try {
        co_await cancel_and_wait(started.ref());
    } catch (const cancelled_error&) {
    }
    const bool is_joined = started.done();
    co_await wait(started.ref());
    record.task = {};
    co_return is_joined;
}

task<std::string> passes_the_limit_and_is_cancelled() {
    child_record record;
    const auto limited = [](child_record& to) -> task<> {
        try {
            co_await wait_for(child(to), 1ms);
        } catch (...) {
            to.seen.push_back('.');
            throw;
        }
    };
    const auto whole = create_task(limited(record));
    while (record.seen.empty()) {
        co_await yield();
    }
    whole.cancel();
    co_await some_turns();
    record.done.set();
    co_await wait(whole.ref());
    record.task = {};
    co_return record.seen + ends_of(whole);
}

task<std::string> left_behind_as_in_asyncio() {
    child_record record;
    const auto inner = create_task(child(record));
    const auto whole = create_task(end_within_unjoined(inner.ref(), 1h));
    while (!record.waits()) {
        co_await yield();
    }
    for (int i = 0; i < 2; ++i) {
        whole.cancel();
        co_await some_turns();
    }
    record.seen += ends_of(whole);
    record.done.set();
    co_await inner;
    record.task = {};
    co_return record.seen;
}

}  // namespace

TEST_CASE("joined: cancelled again and again, each form returns only when its child has ended", "[executor]") {
    for (const form each : all_forms) {
        CAPTURE(static_cast<int>(each));
        CHECK(serially(cancelled_three_times(each)) == "cC.c");
    }
}

TEST_CASE("joined: a request that reaches both interrupts the child's clean-up never", "[executor]") {
    for (const form each : all_forms) {
        CAPTURE(static_cast<int>(each));
        CHECK(serially(reached_twice_by_one_request(each)) == "cC.c");
    }
}

TEST_CASE("joined: a task that is cancelled when its budget of awaits is spent waits nevertheless", "[executor]") {
    for (int awaits = 120; awaits < 135; ++awaits) {
        CAPTURE(awaits);
        CHECK(serially(cancelled_when_the_budget_is_spent(awaits)));
    }
}

TEST_CASE("wait_for: cancelled while its coroutine cleans up after the limit, it waits for it", "[executor]") {
    CHECK(serially(passes_the_limit_and_is_cancelled()) == "cxC.c");
}

TEST_CASE("end_within_unjoined: a second cancellation leaves the task behind", "[executor]") {
    CHECK(serially(left_behind_as_in_asyncio()) == "ccC");
}
