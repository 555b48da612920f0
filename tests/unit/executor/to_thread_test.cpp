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
#include <thread>

#include "gatherd/executor/gather.hpp"
#include "gatherd/executor/run.hpp"
#include "gatherd/executor/sleep.hpp"

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

task<bool> cancelled_at_once(std::shared_future<void> released) {
    const auto handle = create_task(blocks_until(released));
    co_await sleep(2ms);
    handle.cancel();
    co_await wait(handle.ref());
    co_return handle.failed();
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

}  // namespace

TEST_CASE("to_thread: runs on a thread that is no worker, and comes back", "[executor]") {
    CHECK(run(on_another_thread()));
}

TEST_CASE("to_thread: an exception comes back", "[executor]") {
    CHECK(run(its_exception()) == "disk");
}

TEST_CASE("to_thread: a cancelled task does not wait for its thread", "[executor]") {
    std::promise<void> release;
    CHECK(run(cancelled_at_once(release.get_future().share())));
    release.set_value();  // only now may the thread end
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
