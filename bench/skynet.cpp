// A tree of tasks, ten children each, whose leaves are numbered; gives the sum of the numbers. As structured fork and
// join, which is what oneTBB's task_group is too, and as gathers in gathers.
#include <oneapi/tbb/task_group.h>

#include <array>
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
#include "gatherd/executor/fork_join/fork_join.hpp"
#include "gatherd/executor/gather.hpp"
#include "gatherd/executor/run.hpp"

namespace gatherd::bench {
namespace {

constexpr std::size_t fan_out = 10;

std::int64_t sum_below(std::int64_t leaves) {
    return leaves * (leaves - 1) / 2;
}

namespace on_gatherd {

executor::forked<long> skynet(long first, long leaves) {
    if (leaves == 1) {
        co_return first;
    }
    const long share = leaves / static_cast<long>(fan_out);
    std::array<long, fan_out> sums{};
    for (std::size_t i = 0; i < fan_out; ++i) {
        co_await executor::fork(sums[i], skynet(first + static_cast<long>(i) * share, share));
    }
    co_await executor::join();
    co_return std::accumulate(sums.begin(), sums.end(), 0L);
}

executor::task<long> root(long leaves) {
    co_return co_await executor::fork_join(skynet(0, leaves));
}

executor::task<long> gathered_skynet(long first, long leaves) {
    if (leaves == 1) {
        co_return first;
    }
    const long share = leaves / static_cast<long>(fan_out);
    std::vector<executor::task<long>> children;
    children.reserve(fan_out);
    for (std::size_t i = 0; i < fan_out; ++i) {
        children.push_back(gathered_skynet(first + static_cast<long>(i) * share, share));
    }
    const auto sums = co_await executor::gather(std::move(children));
    co_return std::accumulate(sums.begin(), sums.end(), 0L);
}

template <typename Make>
void repeat(benchmark::State& state, shape of, Make make) {
    executor::scheduler pool{{.workers = static_cast<std::size_t>(of.workers)}};
    for (auto _ : state) {
        expect(executor::run(pool, make(of.size)) == sum_below(of.size), "skynet/gatherd");
    }
    set_pieces(state, of.size);
}

void rows(benchmark::State& state, shape of) {
    repeat(state, of, root);
}

void gather_rows(benchmark::State& state, shape of) {
    repeat(state, of, [](long leaves) { return gathered_skynet(0, leaves); });
}

}  // namespace on_gatherd

namespace on_onetbb {

long skynet(long first, long leaves) {
    if (leaves == 1) {
        return first;
    }
    const long share = leaves / static_cast<long>(fan_out);
    std::array<long, fan_out> sums{};
    tbb::task_group children;
    for (std::size_t i = 0; i < fan_out; ++i) {
        children.run([&sums, i, first, share] { sums[i] = skynet(first + static_cast<long>(i) * share, share); });
    }
    children.wait();
    return std::accumulate(sums.begin(), sums.end(), 0L);
}

void rows(benchmark::State& state, shape of) {
    onetbb_pool pool{of.workers};
    for (auto _ : state) {
        expect(pool.execute([&of] { return skynet(0, of.size); }) == sum_below(of.size), "skynet/onetbb");
    }
    set_pieces(state, of.size);
}

}  // namespace on_onetbb

namespace on_asio {

asio::awaitable<long> skynet(long first, long leaves) {
    if (leaves == 1) {
        co_return first;
    }
    const long share = leaves / static_cast<long>(fan_out);
    std::vector<asio::awaitable<long>> children;
    children.reserve(fan_out);
    for (std::size_t i = 0; i < fan_out; ++i) {
        children.push_back(skynet(first + static_cast<long>(i) * share, share));
    }
    const auto sums = co_await gather(std::move(children));
    co_return std::accumulate(sums.begin(), sums.end(), 0L);
}

void rows(benchmark::State& state, shape of) {
    asio::thread_pool pool{static_cast<std::size_t>(of.workers)};
    for (auto _ : state) {
        expect(asio::co_spawn(pool, skynet(0, of.size), asio::use_future).get() == sum_below(of.size), "skynet/asio");
    }
    set_pieces(state, of.size);
}

}  // namespace on_asio
}  // namespace

void add_skynet(std::int64_t size) {
    add_rows("skynet", "gatherd", size, on_gatherd::rows);
    add_rows("skynet", "onetbb", size, on_onetbb::rows);
    add_rows("skynet", "asio", size, on_asio::rows);
    add_rows("skynet_gather", "gatherd", size, on_gatherd::gather_rows);
    add_rows("skynet_gather", "onetbb", size, on_onetbb::rows);
    add_rows("skynet_gather", "asio", size, on_asio::rows);
}

}  // namespace gatherd::bench
