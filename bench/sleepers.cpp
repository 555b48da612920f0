// A million tasks sleep at once, each for a random time up to a second: timers, frames and memory.
#include <asio/awaitable.hpp>
#include <asio/co_spawn.hpp>
#include <asio/steady_timer.hpp>
#include <asio/thread_pool.hpp>
#include <asio/use_awaitable.hpp>

#include <chrono>
#include <cstddef>
#include <exception>
#include <random>
#include <vector>

#include "bench/peak_memory.hpp"
#include "bench/roll_call.hpp"
#include "bench/rows.hpp"
#include "bench/workloads.hpp"
#include "gatherd/executor/create_task.hpp"
#include "gatherd/executor/run.hpp"
#include "gatherd/executor/sleep.hpp"

namespace gatherd::bench {
namespace {

using delays = std::vector<std::chrono::microseconds>;

/// Up to one microsecond for every sleeper, the same ones each time: a million sleep for up to a second.
delays random_delays(std::int64_t count) {
    std::minstd_rand engine{1};
    std::uniform_int_distribution<std::int64_t> microseconds{0, count};
    delays all;
    for (std::int64_t i = 0; i < count; ++i) {
        all.emplace_back(microseconds(engine));
    }
    return all;
}

/// Counts until all sleepers have been started.
class start_clock {
public:
    void all_started() noexcept { took_ = std::chrono::steady_clock::now() - began_; }
    [[nodiscard]] double milliseconds() const noexcept { return took_.count(); }

private:
    std::chrono::steady_clock::time_point began_ = std::chrono::steady_clock::now();
    std::chrono::duration<double, std::milli> took_{};
};

void set_peak(benchmark::State& state, const peak_memory& memory, shape of) {
    state.counters["peak_bytes_each"] = static_cast<double>(memory.bytes()) / static_cast<double>(of.size);
}

namespace on_gatherd {

executor::task<> sleeper(std::chrono::microseconds delay) {
    co_await executor::sleep(delay);
}

executor::task<long> parent(const delays& all, start_clock& starting) {
    std::vector<executor::task_handle<>> handles;
    handles.reserve(all.size());
    for (const auto delay : all) {
        handles.push_back(executor::create_task(sleeper(delay)));
    }
    starting.all_started();
    long ended = 0;
    for (const auto& handle : handles) {
        co_await handle;
        ++ended;
    }
    co_return ended;
}

void rows(benchmark::State& state, shape of) {
    executor::scheduler pool{{.workers = static_cast<std::size_t>(of.workers)}};
    const delays all = random_delays(of.size);
    const peak_memory memory;
    for (auto _ : state) {
        start_clock starting;
        expect(executor::run(pool, parent(all, starting)) == of.size, "sleepers/gatherd");
        state.counters["started_ms"] = starting.milliseconds();
    }
    set_peak(state, memory, of);
    set_pieces(state, of.size);
}

}  // namespace on_gatherd

namespace on_asio {

asio::awaitable<void> sleeper(std::chrono::microseconds delay) {
    asio::steady_timer timer{co_await asio::this_coro::executor, delay};
    co_await timer.async_wait(asio::use_awaitable);
}

void rows(benchmark::State& state, shape of) {
    asio::thread_pool pool{static_cast<std::size_t>(of.workers)};
    const delays all = random_delays(of.size);
    const peak_memory memory;
    for (auto _ : state) {
        roll_call sleepers{all.size() + 1};  // and who starts them
        start_clock starting;
        asio::post(pool, [&pool, &all, &sleepers, &starting] {  // inside, where spawning is cheapest
            for (std::size_t i = 0; i < all.size(); ++i) {
                asio::co_spawn(pool, sleeper(all[i]), [&sleepers, i](std::exception_ptr) { sleepers.answer(i); });
            }
            starting.all_started();
            sleepers.answer(all.size());
        });
        expect(sleepers.wait_for_all(), "sleepers/asio");
        state.counters["started_ms"] = starting.milliseconds();
    }
    set_peak(state, memory, of);
    set_pieces(state, of.size);
}

}  // namespace on_asio
}  // namespace

void add_sleepers(std::int64_t size) {
    add_rows("sleepers", "gatherd", size, on_gatherd::rows);
    add_rows("sleepers", "asio", size, on_asio::rows);
}

}  // namespace gatherd::bench
