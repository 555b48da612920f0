#include "gatherd/executor/scheduler.hpp"

#include <atomic>
#include <catch2/catch.hpp>
#include <latch>
#include <random>
#include <thread>
#include <vector>

#include "gatherd/executor/gather.hpp"
#include "gatherd/executor/run.hpp"
#include "gatherd/executor/sleep.hpp"
#include "gatherd/executor/wait_for.hpp"

using namespace gatherd::executor;
using namespace std::chrono_literals;

namespace {

struct counted_work : work {
    explicit counted_work(std::latch& to) : work{&run_it}, left{to} {}
    static void run_it(work& self) noexcept { static_cast<counted_work&>(self).left.count_down(); }
    std::latch& left;
};

task<int> short_sleep(int n) {
    co_await sleep(std::chrono::microseconds{n % 700});
    co_return n;
}

task<int> tree(int depth) {
    if (depth == 0) {
        co_return 1;
    }
    std::vector<task<int>> children;
    children.push_back(tree(depth - 1));
    children.push_back(tree(depth - 1));
    const auto sums = co_await gather(std::move(children));
    co_return sums[0] + sums[1];
}

task<int> sleeper_with_clean_up(std::atomic<int>& ended) {
    try {
        co_await sleep(std::chrono::microseconds{300});
    } catch (const cancelled_error&) {
        ++ended;
        throw;
    }
    ++ended;
    co_return 1;
}

task<int> awaits(task_handle<int> other) {
    co_return co_await other;
}

/// Cancels chains of tasks at a random moment, often just when they complete.
task<int> cancel_at_random(unsigned seed, int rounds, std::atomic<int>& ended) {
    std::mt19937 random{seed};
    for (int i = 0; i < rounds; ++i) {
        const auto leaf = create_task(sleeper_with_clean_up(ended));
        const auto middle = create_task(awaits(leaf));
        const auto outer = create_task(awaits(middle));
        co_await sleep(std::chrono::microseconds{random() % 700});
        outer.cancel();
        co_await wait(outer.ref());
        co_await wait(leaf.ref());
    }
    co_return rounds;
}

task<int> time_out_at_random(unsigned seed, int rounds) {
    std::mt19937 random{seed};
    int in_time = 0;
    for (int i = 0; i < rounds; ++i) {
        try {
            in_time += co_await wait_for(short_sleep(static_cast<int>(random() % 700)),
                                         std::chrono::microseconds{1 + random() % 700}) >= 0
                           ? 1
                           : 0;
        } catch (const timeout_error&) {
        }
    }
    co_return in_time;
}

}  // namespace

TEST_CASE("scheduler: work pushed from outside in bursts is never forgotten", "[stress]") {
    scheduler on{{.workers = 3}};
    for (int round = 0; round < 300; ++round) {  // each round begins with all workers asleep, or nearly
        constexpr int items = 20;
        std::latch left{2 * items};
        std::vector<std::unique_ptr<counted_work>> work;
        for (int i = 0; i < 2 * items; ++i) {
            work.push_back(std::make_unique<counted_work>(left));
        }
        std::thread other{[&] {
            for (int i = items; i < 2 * items; ++i) {
                on.submit(*work[static_cast<std::size_t>(i)]);
            }
        }};
        for (int i = 0; i < items; ++i) {
            on.submit(*work[static_cast<std::size_t>(i)]);
        }
        left.wait();  // hangs if a wake-up is lost
        other.join();
    }
    CHECK(on.workers() == 3);
}

TEST_CASE("scheduler: a tree of gathers is summed by three workers", "[stress]") {
    scheduler on{{.workers = 3}};
    CHECK(run(on, tree(12)) == 4096);
}

TEST_CASE("scheduler: thousands of short sleeps end in every order", "[stress]") {
    scheduler on{{.workers = 3}};
    const auto body = []() -> task<std::size_t> {
        std::vector<task<int>> all;
        for (int i = 0; i < 5000; ++i) {
            all.push_back(short_sleep(i));
        }
        co_return (co_await gather(std::move(all))).size();
    };
    CHECK(run(on, body()) == 5000);
}

TEST_CASE("cancel: racing with completion, every task ends once and the canceller goes on", "[stress]") {
    const auto seed = std::random_device{}();
    CAPTURE(seed);
    scheduler on{{.workers = 3}};
    std::atomic<int> ended{0};
    constexpr int rounds = 300;
    const auto body = [](unsigned s, std::atomic<int>& e) -> task<std::size_t> {
        std::vector<task<int>> all;
        for (unsigned i = 0; i < 4; ++i) {
            all.push_back(cancel_at_random(s + i, rounds, e));
        }
        co_return (co_await gather(std::move(all))).size();
    };
    CHECK(run(on, body(seed, ended)) == 4);
    CHECK(ended <= 4 * rounds);  // a leaf that is cancelled before its first step counts nothing
}

TEST_CASE("wait_for: timeouts that race with completion lose nothing", "[stress]") {
    const auto seed = std::random_device{}();
    CAPTURE(seed);
    scheduler on{{.workers = 3}};
    const auto body = [](unsigned s) -> task<std::size_t> {
        std::vector<task<int>> all;
        for (unsigned i = 0; i < 8; ++i) {
            all.push_back(time_out_at_random(s + i, 200));
        }
        co_return (co_await gather(std::move(all))).size();
    };
    CHECK(run(on, body(seed)) == 8);
}
