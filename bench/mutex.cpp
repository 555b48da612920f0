// Tasks that take turns at one counter, under a lock; of threads there are as many as workers.
#include <asio/bind_executor.hpp>
#include <asio/post.hpp>
#include <asio/strand.hpp>
#include <asio/thread_pool.hpp>
#include <asio/use_future.hpp>

#include <cstddef>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "bench/asio_gather.hpp"
#include "bench/rows.hpp"
#include "bench/workloads.hpp"
#include "gatherd/executor/gather.hpp"
#include "gatherd/executor/mutex.hpp"
#include "gatherd/executor/run.hpp"

namespace gatherd::bench {
namespace {

constexpr std::int64_t contenders = 8;

namespace on_gatherd {

executor::task<long> contender(executor::mutex& lock, long& counter, long turns) {
    for (long i = 0; i < turns; ++i) {
        const auto held = co_await lock.lock();
        ++counter;
    }
    co_return turns;
}

executor::task<long> all(long turns) {
    executor::mutex lock;
    long counter = 0;
    std::vector<executor::task<long>> tasks;
    for (std::int64_t i = 0; i < contenders; ++i) {
        tasks.push_back(contender(lock, counter, turns / contenders));
    }
    co_await executor::gather(std::move(tasks));
    co_return counter;
}

void rows(benchmark::State& state, shape of) {
    executor::scheduler pool{{.workers = static_cast<std::size_t>(of.workers)}};
    for (auto _ : state) {
        expect(executor::run(pool, all(of.size)) == of.size, "mutex/gatherd");
    }
    set_pieces(state, of.size);
}

}  // namespace on_gatherd

namespace on_asio {

using strand = asio::strand<asio::any_io_executor>;

/// Asio's coroutines have no lock: what must exclude each other runs in one strand.
asio::awaitable<long> contender(const strand& alone, long& counter, long turns) {
    for (long i = 0; i < turns; ++i) {
        co_await asio::post(asio::bind_executor(alone, asio::use_awaitable));
        ++counter;
    }
    co_return turns;
}

asio::awaitable<long> all(long turns) {
    const strand alone{co_await asio::this_coro::executor};
    long counter = 0;
    std::vector<asio::awaitable<long>> tasks;
    for (std::int64_t i = 0; i < contenders; ++i) {
        tasks.push_back(contender(alone, counter, turns / contenders));
    }
    co_await gather(std::move(tasks));
    co_return counter;
}

void rows(benchmark::State& state, shape of) {
    asio::thread_pool pool{static_cast<std::size_t>(of.workers)};
    for (auto _ : state) {
        expect(asio::co_spawn(pool, all(of.size), asio::use_future).get() == of.size, "mutex/asio");
    }
    set_pieces(state, of.size);
}

}  // namespace on_asio

namespace on_std {

void rows(benchmark::State& state, shape of) {
    for (auto _ : state) {
        std::mutex lock;
        long counter = 0;
        {
            std::vector<std::jthread> threads;
            for (int i = 0; i < of.workers; ++i) {
                threads.emplace_back([&lock, &counter, turns = of.size / of.workers] {
                    for (long turn = 0; turn < turns; ++turn) {
                        const std::lock_guard held{lock};
                        ++counter;
                    }
                });
            }
        }
        expect(counter == of.size, "mutex/std");
    }
    set_pieces(state, of.size);
}

}  // namespace on_std
}  // namespace

void add_mutex(std::int64_t size) {
    add_rows("mutex", "gatherd", size, on_gatherd::rows);
    add_rows("mutex", "asio", size, on_asio::rows);
    add_rows("mutex", "std", size, on_std::rows);
}

}  // namespace gatherd::bench
