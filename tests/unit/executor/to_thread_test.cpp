#include "gatherd/executor/to_thread.hpp"

#include <oneapi/tbb/global_control.h>
#include <oneapi/tbb/parallel_for.h>
#include <oneapi/tbb/task_arena.h>

#include <atomic>
#include <catch2/catch.hpp>
#include <cstddef>
#include <future>
#include <latch>
#include <numeric>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "gatherd/executor/gather.hpp"
#include "gatherd/executor/run.hpp"
#include "gatherd/executor/sleep.hpp"
#include "gatherd/executor/wait.hpp"
#include "gatherd/executor/wait_for.hpp"
#include "tests/unit/executor/serially.hpp"

using namespace gatherd::executor;
using namespace std::chrono_literals;

namespace {

task<bool> on_another_thread() {
    const auto here = std::this_thread::get_id();
    const auto there = co_await to_thread([] { return std::this_thread::get_id(); });
    co_return here != there;
}

task<int> computed() {
    co_return co_await compute([] { return 6 * 7; });
}

task<int> computed_in_turn(int count) {
    int sum = 0;
    for (int i = 0; i < count; ++i) {
        auto one = [] { return 1; };  // named: see to_thread
        sum += co_await compute(std::move(one));
    }
    co_return sum;
}

task<int> computed_side_by_side(int tasks, int count) {
    std::vector<task<int>> all;
    for (int i = 0; i < tasks; ++i) {
        all.push_back(computed_in_turn(count));
    }
    const auto sums = co_await gather(std::move(all));
    co_return std::accumulate(sums.begin(), sums.end(), 0);
}

task<std::string> its_exception() {
    try {
        co_await to_thread([] { throw std::runtime_error{"disk"}; });
    } catch (const std::runtime_error& e) {
        co_return e.what();
    }
    co_return "";
}

task<int> blocks_until(std::shared_future<void> released) {
    auto body = [released] { released.wait(); };  // named: see to_thread
    co_await to_thread(std::move(body));
    co_return 0;
}

/// What a call and its awaiting task do, in their order.
struct record {
    std::promise<void> release;
    std::shared_future<void> released = release.get_future().share();
    std::atomic<bool> begun{false};
    std::atomic<bool> ended{false};
    std::atomic<bool> captures_ended{false};

    /// A call that begins, waits to be released, and ends.
    auto body() {
        struct at_the_end {
            std::atomic<bool>* told;
            explicit at_the_end(std::atomic<bool>& flag) noexcept : told{&flag} {}
            at_the_end(at_the_end&& other) noexcept : told{std::exchange(other.told, nullptr)} {}
            ~at_the_end() {
                if (told != nullptr) {
                    *told = true;
                }
            }
        };
        return [this, alive = released, captured = at_the_end{captures_ended}] {
            begun = true;
            alive.wait();
            ended = true;
        };
    }
};

task<> runs_joined(record& call) {
    auto body = call.body();
    co_await to_thread(std::move(body));
}

task<> computes_joined(record& call) {
    auto body = call.body();
    co_await compute(std::move(body));
}

task<> runs_unjoined(record& call) {
    auto body = call.body();
    co_await to_thread_unjoined(std::move(body));
}

task<> computes_unjoined(record& call) {
    auto body = call.body();
    co_await compute_unjoined(std::move(body));
}

task<std::string> cancelled_while_it_runs(task<> (*way)(record&), record& call) {
    const auto handle = create_task(way(call));
    while (!call.begun) {
        co_await sleep(1ms);
    }
    handle.cancel();
    handle.cancel();
    for (int i = 0; i < 100; ++i) {
        co_await yield();
    }
    std::string out = handle.done() ? "gone " : "waits ";
    if (!handle.done()) {
        call.release.set_value();
        co_await wait(handle.ref());
        out += call.ended && call.captures_ended ? "ended " : "runs ";
    }
    out += handle.cancelled() ? "cancelled" : "carried on";
    co_return out;
}

/// A buffer in the frame that a timeout unwinds: the thread writes it after the limit has passed.
task<int> fills_a_buffer() {
    std::vector<int> buffer(1000);
    auto body = [&buffer, &self = task_state::current()] {
        while (self.cancelling() == 0) {
            std::this_thread::yield();
        }
        buffer.assign(buffer.size(), 7);
    };
    co_await to_thread(std::move(body));
    co_return buffer.front();
}

task<std::string> timeout_around_a_thread() {
    try {
        co_await wait_for(fills_a_buffer(), 1ms);
    } catch (const timeout_error& e) {
        co_return e.what();
    }
    co_return "in time";
}

/// The pool's only thread is busy: the second call waits in line.
task<std::string> cancelled_while_it_waits_in_line(record& busy, record& in_line) {
    const auto first = create_task(runs_joined(busy));
    while (!busy.begun) {
        co_await sleep(1ms);
    }
    const auto second = create_task(runs_joined(in_line));
    co_await yield();
    second.cancel();
    co_await wait(second.ref());  // hangs if it waits for its turn
    std::string out = second.cancelled() && in_line.captures_ended ? "cancelled " : "? ";
    busy.release.set_value();
    co_await first;
    co_await to_thread([] {});  // after the second in the line
    co_return out + (in_line.begun ? "begun" : "never begun");
}

task<std::size_t> many_at_once(std::size_t count, std::shared_future<void> released, std::promise<void>& release) {
    std::vector<task<int>> all;
    for (std::size_t i = 0; i < count; ++i) {
        all.push_back(blocks_until(released));
    }
    const auto whole = create_task(gather(std::move(all)));
    co_await sleep(2ms);
    release.set_value();
    co_return (co_await whole).size();
}

/// What a library keeps for each thread, and takes apart when the thread ends.
struct kept_for_a_thread {
    explicit kept_for_a_thread(std::atomic<int>& left) : count{left} { ++count; }
    ~kept_for_a_thread() { --count; }
    std::atomic<int>& count;
};

task<int> kept_by_a_thread(std::atomic<int>& left) {
    auto body = [&left] {
        thread_local const kept_for_a_thread kept{left};
        return kept.count.load();
    };
    co_return co_await to_thread(std::move(body));
}

/// What oneTBB allows the threads of this process, outside of any arena of ours.
struct tbb_limits {
    std::size_t allowed =
        oneapi::tbb::global_control::active_value(oneapi::tbb::global_control::max_allowed_parallelism);
    int here = oneapi::tbb::this_task_arena::max_concurrency();

    bool operator==(const tbb_limits&) const = default;
};

task<tbb_limits> limits_after_a_compute() {
    co_await compute([] {});
    co_return tbb_limits{};
}

task<int> computed_in_parallel() {
    co_return co_await compute([] {
        std::atomic<int> sum{0};
        oneapi::tbb::parallel_for(0, 1000, [&sum](int i) { sum += i; });
        return sum.load();
    });
}

task<> meets(std::latch& all_there) {
    auto body = [&all_there] { all_there.arrive_and_wait(); };
    co_await compute(std::move(body));
}

/// Ends only if so many calls run at once.
task<> meet(int count) {
    std::latch all_there{count};
    std::vector<task_handle<>> all;
    for (int i = 0; i < count; ++i) {
        all.push_back(create_task(meets(all_there)));
    }
    for (const auto& each : all) {
        co_await each;
    }
}

task<> says(std::string& said, char what) {
    said += what;
    co_return;
}

task<> says_after_computing(std::string& said) {
    co_await compute_in_turn([] {});
    said += 'a';
}

/// Two tasks are ready; the first one's call takes a turn on another thread.
task<std::string> computes_before_another(task<> (*first)(std::string&)) {
    std::string said;
    const auto one = create_task(first(said));
    const auto other = create_task(says(said, 'b'));
    const std::vector both{one.ref(), other.ref()};
    co_await wait(both);
    co_return said;
}

task<> computes_in_turn(record& call) {
    auto body = call.body();
    co_await compute_in_turn(std::move(body));
}

/// Another thread cancels the task whose call does not end: what waited for its turn goes on.
task<std::string> cancelled_in_its_turn(record& call) {
    std::string said;
    const auto held = create_task(computes_in_turn(call));
    const auto other = create_task(says(said, 'b'));
    std::thread canceller{[&call, held] {
        while (!call.begun) {
            std::this_thread::yield();
        }
        held.cancel();
    }};
    const std::vector both{held.ref(), other.ref()};
    co_await wait(both);
    canceller.join();
    said += held.cancelled() && !call.ended ? " gone" : " waited";
    call.release.set_value();
    co_return said;
}

task<> detaches(std::promise<std::thread::id>& ran_on, std::thread::id& here) {
    here = std::this_thread::get_id();
    compute_detached([&ran_on] { ran_on.set_value(std::this_thread::get_id()); });
    co_return;
}

}  // namespace

TEST_CASE("to_thread: runs on a thread that is no worker, and comes back", "[executor]") {
    CHECK(run(on_another_thread()));
}

TEST_CASE("to_thread: an exception comes back", "[executor]") {
    CHECK(run(its_exception()) == "disk");
}

TEST_CASE("to_thread, compute: a cancelled task waits until its call has ended, and then ends cancelled",
          "[executor]") {
    for (const auto way : {&runs_joined, &computes_joined}) {
        record call;
        scheduler on{{.workers = 1}};  // so that the task runs, if it is ready, while the other one yields
        CHECK(run(on, cancelled_while_it_runs(way, call)) == "waits ended cancelled");
    }
}

TEST_CASE("to_thread_unjoined, compute_unjoined: a cancelled task does not wait for its call", "[executor]") {
    for (const auto way : {&runs_unjoined, &computes_unjoined}) {
        record call;
        scheduler on{{.workers = 1}};  // as above
        CHECK(run(on, cancelled_while_it_runs(way, call)) == "gone cancelled");
        call.release.set_value();  // only now may the call end
        while (!call.captures_ended) {
            std::this_thread::yield();
        }
    }
}

TEST_CASE("compute_in_turn: no other task of a serial scope runs before the one that computes goes on", "[executor]") {
    for (int i = 0; i < 100; ++i) {
        REQUIRE(serially(computes_before_another(&says_after_computing)) == "ab");
    }
}

TEST_CASE("compute_in_turn: a cancelled task does not wait for its call, nor do those that waited for its turn",
          "[executor]") {
    record call;
    CHECK(serially(cancelled_in_its_turn(call)) == "b gone");
    while (!call.captures_ended) {
        std::this_thread::yield();
    }
}

TEST_CASE("compute_detached: leaves a worker, and is run at once by any other thread", "[executor]") {
    std::promise<std::thread::id> ran_on;
    std::thread::id worker;
    run(detaches(ran_on, worker));
    CHECK(ran_on.get_future().get() != worker);
    bool has_run = false;
    compute_detached([&has_run] { has_run = true; });
    CHECK(has_run);
}

TEST_CASE("to_thread: a timeout around it is raised when the thread has ended", "[executor]") {
    CHECK(run(timeout_around_a_thread()) == "TimeoutError");  // else ASan sees a write to a freed buffer
}

TEST_CASE("to_thread: a call that is cancelled while it waits in line never begins", "[executor]") {
    scheduler on{{.workers = 2, .blocking_threads = 1}};
    record busy;
    record in_line;
    CHECK(run(on, cancelled_while_it_waits_in_line(busy, in_line)) == "cancelled never begun");
}

TEST_CASE("to_thread: more calls than threads wait in line", "[executor]") {
    scheduler on{{.workers = 2, .blocking_threads = 3}};
    std::promise<void> release;
    CHECK(run(on, many_at_once(20, release.get_future().share(), release)) == 20);
}

TEST_CASE("to_thread: what a thread keeps is gone when the scheduler has stopped", "[executor]") {
    std::atomic<int> left{0};
    {
        scheduler on{{.workers = 1}};
        CHECK(run(on, kept_by_a_thread(left)) == 1);
    }
    CHECK(left == 0);
}

TEST_CASE("compute: gives its result", "[executor]") {
    CHECK(run(computed()) == 42);
}

TEST_CASE("compute: its threads are handed calls by every worker at once", "[executor]") {
    CHECK(run(computed_side_by_side(16, 200)) == 3200);
}

TEST_CASE("compute: oneTBB's limits for the whole process stay as they are", "[executor]") {
    const tbb_limits before;
    scheduler on{{.workers = 5}};
    CHECK(run(on, limits_after_a_compute()) == before);
    CHECK(tbb_limits{} == before);
}

TEST_CASE("compute: a limit that the program has set for oneTBB stays", "[executor]") {
    const oneapi::tbb::global_control own{oneapi::tbb::global_control::max_allowed_parallelism, 1};
    const tbb_limits before;
    CHECK(run(limits_after_a_compute()) == before);
}

TEST_CASE("compute: as many calls run at once as there are workers, whatever oneTBB may start", "[executor]") {
    const oneapi::tbb::global_control none{oneapi::tbb::global_control::max_allowed_parallelism, 1};  // as with one CPU
    scheduler on{{.workers = 3}};
    run(on, meet(3));
}

TEST_CASE("compute: a parallel algorithm of oneTBB ends, also where oneTBB may start no thread", "[executor]") {
    CHECK(run(computed_in_parallel()) == 499'500);
    const oneapi::tbb::global_control none{oneapi::tbb::global_control::max_allowed_parallelism, 1};
    CHECK(run(computed_in_parallel()) == 499'500);
}

TEST_CASE("scheduler: without a blocking thread it is refused, since to_thread would never end", "[executor]") {
    CHECK_THROWS_AS(scheduler({.workers = 1, .blocking_threads = 0}), std::invalid_argument);
}
