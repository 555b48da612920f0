// An idle pool gets one piece of work from outside: how long until it runs. The floor is a thread woken by a futex.
//
// The row's time is that of all round trips, the poster's own waking included; the counters are the way there alone.
#include <asio/post.hpp>
#include <asio/thread_pool.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <list>
#include <thread>
#include <vector>

#include "bench/rows.hpp"
#include "bench/workloads.hpp"
#include "gatherd/executor/scheduler.hpp"
#include "gatherd/executor/work.hpp"

namespace gatherd::bench {
namespace {

using steady = std::chrono::steady_clock;

/// What a piece of work notes: that it ran, and when.
class arrival {
public:
    void note() noexcept {
        at_ = steady::now();
        here_.store(1, std::memory_order_release);
        here_.notify_one();
    }
    /// Blocks until it is noted, and begins anew.
    steady::time_point wait_and_reset() noexcept {
        here_.wait(0, std::memory_order_acquire);
        here_.store(0, std::memory_order_relaxed);  // the next post publishes it
        return at_;
    }

private:
    steady::time_point at_;
    std::atomic<int> here_{0};
};

/// Posts `of.size` times to a pool that has had time to fall asleep, and keeps how long each post took to arrive.
template <typename Post>
void measure(benchmark::State& state, shape of, arrival& there, Post post) {
    std::vector<std::chrono::nanoseconds> took;
    for (auto _ : state) {
        for (std::int64_t i = 0; i < of.size; ++i) {
            state.PauseTiming();
            std::this_thread::sleep_for(std::chrono::microseconds{100});
            state.ResumeTiming();
            const auto posted = steady::now();
            post();
            took.push_back(there.wait_and_reset() - posted);
        }
    }
    std::sort(took.begin(), took.end());
    const auto microseconds_at = [&took](std::size_t percent) {
        return std::chrono::duration<double, std::micro>{took[took.size() * percent / 100]}.count();
    };
    state.counters["p50_us"] = microseconds_at(50);
    state.counters["p99_us"] = microseconds_at(99);
    set_pieces(state, of.size);
}

namespace on_gatherd {

struct piece : executor::work {
    explicit piece(arrival& to) noexcept : work{&note}, there{to} {}
    static void note(executor::work& self) noexcept { static_cast<piece&>(self).there.note(); }
    arrival& there;
};

void rows(benchmark::State& state, shape of) {
    executor::scheduler pool{{.workers = static_cast<std::size_t>(of.workers)}};
    arrival there;
    piece only{there};  // one is on its way at a time
    measure(state, of, there, [&pool, &only] { pool.submit(only); });
}

}  // namespace on_gatherd

namespace on_asio {

void rows(benchmark::State& state, shape of) {
    asio::thread_pool pool{static_cast<std::size_t>(of.workers)};
    arrival there;
    measure(state, of, there, [&pool, &there] { asio::post(pool, [&there] { there.note(); }); });
}

}  // namespace on_asio

namespace on_std {

/// A thread that waits on a futex of its own: std::atomic's wait is that, for an int.
class sleeper {
public:
    explicit sleeper(arrival& there) : thread_{[this, &there] { run(there); }} {}
    ~sleeper() { tell(stop); }
    sleeper(const sleeper&) = delete;
    sleeper& operator=(const sleeper&) = delete;

    void post() noexcept { tell(work); }

private:
    enum : int { nothing, work, stop };

    void tell(int what) noexcept {
        told_.store(what, std::memory_order_release);
        told_.notify_one();
    }
    void run(arrival& there) noexcept {
        for (;;) {
            told_.wait(nothing, std::memory_order_acquire);
            if (told_.exchange(nothing, std::memory_order_acquire) == stop) {
                return;
            }
            there.note();
        }
    }

    std::atomic<int> told_{nothing};
    std::jthread thread_;  // the last member: joined first
};

void rows(benchmark::State& state, shape of) {
    arrival there;
    std::list<sleeper> sleepers;  // they stay where they are
    for (int i = 0; i < of.workers; ++i) {
        sleepers.emplace_back(there);
    }
    auto next = sleepers.begin();
    measure(state, of, there, [&sleepers, &next] {
        next->post();
        next = std::next(next) == sleepers.end() ? sleepers.begin() : std::next(next);
    });
}

}  // namespace on_std
}  // namespace

void add_wake(std::int64_t size) {
    add_rows("wake", "gatherd", size, on_gatherd::rows);
    add_rows("wake", "asio", size, on_asio::rows);
    add_rows("wake", "std", size, on_std::rows);
}

}  // namespace gatherd::bench
