#include "gatherd/executor/gather.hpp"

#include <atomic>
#include <catch2/catch.hpp>
#include <numeric>
#include <stdexcept>

#include "gatherd/executor/run.hpp"
#include "gatherd/executor/semaphore.hpp"
#include "gatherd/executor/sleep.hpp"
#include "gatherd/executor/wait.hpp"

using namespace gatherd::executor;
using namespace std::chrono_literals;

namespace {

task<int> after(std::chrono::milliseconds delay, int n) {
    co_await sleep(delay);
    co_return n;
}

task<int> fails_after(std::chrono::milliseconds delay, const char* why) {
    co_await sleep(delay);
    throw std::runtime_error{why};
}

task<int> swallows() {
    try {
        co_await sleep(1h);
    } catch (const cancelled_error&) {
    }
    co_return 1;
}

task<> gathers_those_that_swallow(int form) {
    std::vector<task<int>> all;
    all.push_back(swallows());
    all.push_back(swallows());
    switch (form) {
        case 0:
            co_await gather(std::move(all));
            break;
        case 1:
            co_await gather_exceptions(std::move(all));
            break;
        default:
            co_await gather(swallows(), swallows());
            break;
    }
}

/// Whether a gather that is cancelled while it waits raises that.
task<bool> raises_its_own(int form) {
    const auto gathers = create_task(gathers_those_that_swallow(form));
    co_await sleep(1ms);
    gathers.cancel();
    co_await wait(gathers.ref());
    co_return gathers.cancelled();
}

task<std::vector<int>> in_order() {
    std::vector<task<int>> all;
    all.push_back(after(9ms, 1));
    all.push_back(after(1ms, 2));
    all.push_back(after(5ms, 3));
    co_return co_await gather(std::move(all));
}

task<long> many(int count) {
    std::vector<task<int>> all;
    for (int i = 0; i < count; ++i) {
        all.push_back(after(std::chrono::milliseconds{i % 3}, i));
    }
    const auto results = co_await gather(std::move(all));
    co_return std::accumulate(results.begin(), results.end(), 0L);
}

task<int> sets(std::atomic<bool>& flag, std::chrono::milliseconds delay) {
    co_await sleep(delay);
    flag = true;
    co_return 0;
}

task<std::string> first_failure(std::atomic<bool>& sibling_went_on) {
    std::vector<task<int>> all;
    all.push_back(fails_after(200ms, "late"));
    all.push_back(fails_after(2ms, "early"));
    all.push_back(sets(sibling_went_on, 20ms));
    std::string why;
    try {
        co_await gather(std::move(all));
    } catch (const std::runtime_error& e) {
        why = e.what();
    }
    while (!sibling_went_on) {
        co_await sleep(1ms);
    }
    co_return why;
}

task<std::size_t> exceptions_as_results() {
    std::vector<task<int>> all;
    all.push_back(after(1ms, 1));
    all.push_back(fails_after(0ms, "boom"));
    const auto results = co_await gather_exceptions(std::move(all));
    co_return results[0].index() * 10 + results[1].index();
}

task<int> cleans_up(std::atomic<int>& cleaned) {
    try {
        co_await sleep(1h);
    } catch (const cancelled_error&) {
        cleaned.fetch_add(1);
        throw;
    }
    co_return 0;
}

task<std::vector<int>> gather_cleaners(std::atomic<int>& cleaned, int count) {
    std::vector<task<int>> all;
    for (int i = 0; i < count; ++i) {
        all.push_back(cleans_up(cleaned));
    }
    co_return co_await gather(std::move(all));
}

task<bool> cancelled_as_a_whole(std::atomic<int>& cleaned) {
    const auto whole = create_task(gather_cleaners(cleaned, 50));
    co_await sleep(5ms);
    whole.cancel();
    co_await wait(whole.ref());
    co_return whole.failed();
}

task<int> of_two_types() {
    const auto [n, text] = co_await gather(after(2ms, 4), []() -> task<std::string> { co_return "abc"; }());
    co_return n + static_cast<int>(text.size());
}

task<int> counted(semaphore& gate, std::atomic<int>& inside, std::atomic<int>& most) {
    const auto permit = co_await gate.acquire();
    const int now = ++inside;
    for (int seen = most; now > seen && !most.compare_exchange_weak(seen, now);) {
    }
    co_await sleep(1ms);
    --inside;
    co_return 0;
}

task<int> most_at_once(int tasks, std::size_t permits) {
    semaphore gate{permits};
    std::atomic<int> inside{0};
    std::atomic<int> most{0};
    std::vector<task<int>> all;
    for (int i = 0; i < tasks; ++i) {
        all.push_back(counted(gate, inside, most));
    }
    co_await gather(std::move(all));
    co_return most.load();
}

}  // namespace

TEST_CASE("gather: results come in the order given, not in that of completion", "[executor]") {
    CHECK(run(in_order()) == std::vector{1, 2, 3});
}

TEST_CASE("gather: ten thousand children are all counted", "[executor]") {
    CHECK(run(many(10'000)) == 49'995'000L);
}

TEST_CASE("gather: of nothing is an empty list", "[executor]") {
    CHECK(run(gather(std::vector<task<int>>{})).empty());
}

TEST_CASE("gather: raises the first exception in time, and its siblings run on", "[executor]") {
    std::atomic<bool> sibling_went_on{false};
    CHECK(run(first_failure(sibling_went_on)) == "early");
    CHECK(sibling_went_on);
}

TEST_CASE("gather: exceptions may be results", "[executor]") {
    CHECK(run(exceptions_as_results()) == 1);
}

TEST_CASE("gather: cancelled as a whole, every child is cancelled and cleans up", "[executor]") {
    std::atomic<int> cleaned{0};
    CHECK(run(cancelled_as_a_whole(cleaned)));
    CHECK(cleaned == 50);
}

TEST_CASE("gather: cancelled, it raises that even if all its children swallowed it", "[executor]") {
    for (const int form : {0, 1, 2}) {
        CAPTURE(form);
        CHECK(run(raises_its_own(form)));
    }
}

TEST_CASE("gather: coroutines of different types give a tuple", "[executor]") {
    CHECK(run(of_two_types()) == 7);
}

TEST_CASE("semaphore: never lets more in than it has permits", "[executor]") {
    CHECK(run(most_at_once(40, 3)) <= 3);
    CHECK(run(most_at_once(5, 1)) == 1);
}
