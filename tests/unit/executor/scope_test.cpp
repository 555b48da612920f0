#include "gatherd/executor/task_scope.hpp"

#include <atomic>
#include <catch2/catch.hpp>
#include <future>
#include <string>
#include <utility>
#include <vector>

#include "gatherd/executor/create_task.hpp"
#include "gatherd/executor/errors.hpp"
#include "gatherd/executor/gather.hpp"
#include "gatherd/executor/run.hpp"
#include "gatherd/executor/sleep.hpp"

using namespace gatherd::executor;
using namespace std::chrono_literals;

namespace {

task<> spawns_when_cancelled(int depth, std::atomic<int>& cancelled) {
    try {
        co_await sleep(1h);
    } catch (const cancelled_error&) {
        ++cancelled;
        if (depth > 0) {
            create_task(spawns_when_cancelled(depth - 1, cancelled));
        }
        throw;
    }
}

task<int> leaves_a_task_behind(std::atomic<int>& cancelled) {
    create_task(spawns_when_cancelled(3, cancelled));
    co_await sleep(2ms);
    co_return 1;
}

task<int> letter(std::string& out, char c) {
    out.push_back(c);
    co_await yield();
    out.push_back(static_cast<char>(c - 'a' + 'A'));
    co_return 0;
}

task<std::string> first_in_first_out() {
    std::string out;
    std::vector<task<int>> all;
    for (const char c : {'a', 'b', 'c'}) {
        all.push_back(letter(out, c));
    }
    co_await gather(std::move(all));
    co_return out;
}

/// What became of a task when all tasks of its scope were asked to end.
struct end_of_created {
    bool ran = false;
    bool went_on = false;
    bool cancelled = false;
    std::string message;
};

void ask_all() {
    task_state::current().scope().cancel_all("all of you");
}

task<int> runs(end_of_created& to) {
    to.ran = true;
    co_return 1;
}

task<int> asks_and_returns(end_of_created& to) {
    to.ran = true;
    ask_all();
    co_return 1;
}

task<int> asks_and_waits(end_of_created& to) {
    to.ran = true;
    ask_all();
    co_await sleep(1h);
    to.went_on = true;
    co_return 1;
}

/// Awaits what it has just created: that runs in its step.
task<> awaits_created(end_of_created& to, task<int> (*created_task)(end_of_created&), bool asks_before_it_starts) {
    const auto created = create_task(created_task(to));
    if (asks_before_it_starts) {
        ask_all();
    }
    try {
        co_await created;
    } catch (const cancelled_error& e) {
        to.message = e.message();
    }
    to.cancelled = created.cancelled();
}

/// A root's child, since what a root creates is listed at once.
task<> in_a_child(task<> body) {
    const auto child = create_task(std::move(body));
    try {
        co_await child;
    } catch (const cancelled_error&) {  // it was asked too
    }
}

end_of_created run_created(task<int> (*created_task)(end_of_created&), bool asks_before_it_starts = false) {
    end_of_created seen;
    scheduler on{{.workers = 1}};
    run(on, in_a_child(awaits_created(seen, created_task, asks_before_it_starts)));
    return seen;
}

task<> creates_after_the_request(end_of_created& to) {
    ask_all();
    try {
        co_await sleep(1h);
    } catch (const cancelled_error&) {  // told once
    }
    const auto created = create_task(runs(to));
    co_await created;
    to.cancelled = created.cancelled();
}

task<int> counts(std::atomic<int>& ended, bool waits) {
    if (waits) {
        co_await yield();
    }
    ++ended;
    co_return 1;
}

/// More than a worker keeps account of, some awaited and some left behind.
task<> creates_many(std::atomic<int>& ended, int depth) {
    std::vector<task_handle<int>> left;
    for (int i = 0; i < 60; ++i) {
        left.push_back(create_task(counts(ended, i % 3 == 0)));
    }
    if (depth > 0) {
        const auto deeper = create_task(creates_many(ended, depth - 1));
        co_await deeper;
    }
    for (int i = 0; i < 30; ++i) {
        co_await left.back();
        left.pop_back();
    }
}

}  // namespace

TEST_CASE("scope: a task that was created and has not started is asked to end with all others", "[executor]") {
    const end_of_created seen = run_created(runs, true);
    CHECK_FALSE(seen.ran);
    CHECK(seen.cancelled);
    CHECK(seen.message == "all of you");
}

TEST_CASE("scope: a task that runs in the step of another is asked to end with all others", "[executor]") {
    const end_of_created returned = run_created(asks_and_returns);
    CHECK(returned.ran);
    CHECK(returned.cancelled);

    const end_of_created waited = run_created(asks_and_waits);
    CHECK(waited.ran);
    CHECK_FALSE(waited.went_on);
    CHECK(waited.cancelled);
    CHECK(waited.message == "all of you");
}

TEST_CASE("scope: a task that is created after all were asked to end is not", "[executor]") {
    end_of_created seen;
    scheduler on{{.workers = 1}};
    run(on, in_a_child(creates_after_the_request(seen)));
    CHECK(seen.ran);
    CHECK_FALSE(seen.cancelled);
}

TEST_CASE("scope: it waits for all that its tasks created, however many", "[executor]") {
    for (const std::size_t workers : {1U, 2U}) {
        std::atomic<int> ended{0};
        scheduler on{{.workers = workers}};
        run(on, in_a_child(creates_many(ended, 9)));
        CHECK(ended >= 300);  // those left behind at the end are cancelled, and waited for
        CHECK(ended <= 600);
    }
}

TEST_CASE("scope: what still runs at the end is cancelled, and what clean-up begins too", "[executor]") {
    std::atomic<int> cancelled{0};
    CHECK(run(leaves_a_task_behind(cancelled)) == 1);
    // The last ones may be cancelled before their first step, and then never run.
    CHECK(cancelled >= 1);
}

TEST_CASE("scope: a serial one runs ready tasks first in, first out", "[executor]") {
    scheduler on{{.workers = 2}};
    CHECK(run(on, first_in_first_out(), ordering::serial) == "abcABC");
}
