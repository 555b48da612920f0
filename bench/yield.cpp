// One task lets the others go first, again and again, though there are none.
#include <asio/co_spawn.hpp>
#include <asio/post.hpp>
#include <asio/this_coro.hpp>
#include <asio/thread_pool.hpp>
#include <asio/use_awaitable.hpp>
#include <asio/use_future.hpp>

#include "bench/onetbb_task.hpp"
#include "bench/rows.hpp"
#include "bench/workloads.hpp"
#include "gatherd/executor/run.hpp"
#include "gatherd/executor/sleep.hpp"

namespace gatherd::bench {
namespace {

namespace on_gatherd {

executor::task<long> yielder(long times) {
    long count = 0;
    for (; count < times; ++count) {
        co_await executor::yield();
    }
    co_return count;
}

void rows(benchmark::State& state, shape of) {
    executor::scheduler pool{{.workers = static_cast<std::size_t>(of.workers)}};
    for (auto _ : state) {
        expect(executor::run(pool, yielder(of.size)) == of.size, "yield/gatherd");
    }
    set_pieces(state, of.size);
}

}  // namespace on_gatherd

namespace on_onetbb {

onetbb_task yielder(tbb::task_group& group, long times) {
    long count = 0;
    for (; count < times; ++count) {
        co_await yield(group);
    }
    co_return count;
}

void rows(benchmark::State& state, shape of) {
    onetbb_pool pool{of.workers};
    for (auto _ : state) {
        const long count = run(pool, [&of](tbb::task_group& group) { return yielder(group, of.size); });
        expect(count == of.size, "yield/onetbb");
    }
    set_pieces(state, of.size);
}

}  // namespace on_onetbb

namespace on_asio {

asio::awaitable<long> yielder(long times) {
    const auto executor = co_await asio::this_coro::executor;
    long count = 0;
    for (; count < times; ++count) {
        co_await asio::post(executor, asio::use_awaitable);
    }
    co_return count;
}

void rows(benchmark::State& state, shape of) {
    asio::thread_pool pool{static_cast<std::size_t>(of.workers)};
    for (auto _ : state) {
        expect(asio::co_spawn(pool, yielder(of.size), asio::use_future).get() == of.size, "yield/asio");
    }
    set_pieces(state, of.size);
}

}  // namespace on_asio
}  // namespace

void add_yield(std::int64_t size) {
    add_rows("yield", "gatherd", size, on_gatherd::rows);
    add_rows("yield", "onetbb", size, on_onetbb::rows);
    add_rows("yield", "asio", size, on_asio::rows);
}

}  // namespace gatherd::bench
