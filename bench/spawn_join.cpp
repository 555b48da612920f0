// One parent starts a million tiny children, waits for all and adds their results.
#include <oneapi/tbb/task_group.h>

#include <asio/thread_pool.hpp>
#include <asio/use_future.hpp>
#include <cstddef>
#include <numeric>
#include <utility>
#include <vector>

#include "bench/asio_gather.hpp"
#include "bench/onetbb_pool.hpp"
#include "bench/rows.hpp"
#include "bench/workloads.hpp"
#include "gatherd/executor/gather.hpp"
#include "gatherd/executor/run.hpp"

namespace gatherd::bench {
namespace {

std::int64_t sum_below(std::int64_t children) {
    return children * (children - 1) / 2;
}

namespace on_gatherd {

executor::task<long> child(long number) {
    co_return number;
}

executor::task<long> parent(long children) {
    std::vector<executor::task<long>> all;
    all.reserve(static_cast<std::size_t>(children));
    for (long i = 0; i < children; ++i) {
        all.push_back(child(i));
    }
    const auto results = co_await executor::gather(std::move(all));
    co_return std::accumulate(results.begin(), results.end(), 0L);
}

void rows(benchmark::State& state, shape of) {
    executor::scheduler pool{{.workers = static_cast<std::size_t>(of.workers)}};
    for (auto _ : state) {
        expect(executor::run(pool, parent(of.size)) == sum_below(of.size), "spawn_join/gatherd");
    }
    set_pieces(state, of.size);
}

}  // namespace on_gatherd

namespace on_onetbb {

long parent(long children) {
    std::vector<long> results(static_cast<std::size_t>(children));
    tbb::task_group all;
    for (long i = 0; i < children; ++i) {
        all.run([&results, i] { results[static_cast<std::size_t>(i)] = i; });
    }
    all.wait();
    return std::accumulate(results.begin(), results.end(), 0L);
}

void rows(benchmark::State& state, shape of) {
    onetbb_pool pool{of.workers};
    for (auto _ : state) {
        expect(pool.execute([&of] { return parent(of.size); }) == sum_below(of.size), "spawn_join/onetbb");
    }
    set_pieces(state, of.size);
}

}  // namespace on_onetbb

namespace on_asio {

asio::awaitable<long> child(long number) {
    co_return number;
}

asio::awaitable<long> parent(long children) {
    std::vector<asio::awaitable<long>> all;
    all.reserve(static_cast<std::size_t>(children));
    for (long i = 0; i < children; ++i) {
        all.push_back(child(i));
    }
    const auto results = co_await gather(std::move(all));
    co_return std::accumulate(results.begin(), results.end(), 0L);
}

void rows(benchmark::State& state, shape of) {
    asio::thread_pool pool{static_cast<std::size_t>(of.workers)};
    for (auto _ : state) {
        expect(asio::co_spawn(pool, parent(of.size), asio::use_future).get() == sum_below(of.size), "spawn_join/asio");
    }
    set_pieces(state, of.size);
}

}  // namespace on_asio
}  // namespace

void add_spawn_join(std::int64_t size) {
    add_rows("spawn_join", "gatherd", size, on_gatherd::rows);
    add_rows("spawn_join", "onetbb", size, on_onetbb::rows);
    add_rows("spawn_join", "asio", size, on_asio::rows);
}

}  // namespace gatherd::bench
