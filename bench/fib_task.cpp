// Fibonacci numbers with a created task for one half and a plain await of the other: what create_task costs.
#include <asio/experimental/awaitable_operators.hpp>
#include <asio/thread_pool.hpp>
#include <asio/use_future.hpp>

#include <tuple>

#include "bench/fibonacci.hpp"
#include "bench/onetbb_task.hpp"
#include "bench/rows.hpp"
#include "bench/workloads.hpp"
#include "gatherd/executor/create_task.hpp"
#include "gatherd/executor/run.hpp"

namespace gatherd::bench {
namespace {

namespace on_gatherd {

executor::task<long> fib(long n) {
    if (n < 2) {
        co_return n;
    }
    const auto other = executor::create_task(fib(n - 1));
    const long here = co_await fib(n - 2);
    co_return here + co_await other;
}

void rows(benchmark::State& state, shape of) {
    executor::scheduler pool{{.workers = static_cast<std::size_t>(of.workers)}};
    const auto right = fibonacci(of.size);
    for (auto _ : state) {
        expect(executor::run(pool, fib(of.size)) == right, "fib_task/gatherd");
    }
    set_pieces(state, calls(of.size));
}

}  // namespace on_gatherd

namespace on_onetbb {

onetbb_task fib(tbb::task_group& group, long n) {
    if (n < 2) {
        co_return n;
    }
    const auto other = create_task(group, fib(group, n - 1));
    const long here = co_await fib(group, n - 2);
    co_return here + co_await other;
}

void rows(benchmark::State& state, shape of) {
    onetbb_pool pool{of.workers};
    const auto right = fibonacci(of.size);
    for (auto _ : state) {
        const long result = run(pool, [&of](tbb::task_group& group) { return fib(group, of.size); });
        expect(result == right, "fib_task/onetbb");
    }
    set_pieces(state, calls(of.size));
}

}  // namespace on_onetbb

namespace on_asio {

// Asio has no create_task that is awaited later: `&&` spawns both halves.
asio::awaitable<long> fib(long n) {
    using namespace asio::experimental::awaitable_operators;
    if (n < 2) {
        co_return n;
    }
    const auto [one, other] = co_await (fib(n - 1) && fib(n - 2));
    co_return one + other;
}

void rows(benchmark::State& state, shape of) {
    asio::thread_pool pool{static_cast<std::size_t>(of.workers)};
    const auto right = fibonacci(of.size);
    for (auto _ : state) {
        expect(asio::co_spawn(pool, fib(of.size), asio::use_future).get() == right, "fib_task/asio");
    }
    set_pieces(state, calls(of.size));
}

}  // namespace on_asio
}  // namespace

void add_fib_task(std::int64_t size) {
    add_rows("fib_task", "gatherd", size, on_gatherd::rows);
    add_rows("fib_task", "onetbb", size, on_onetbb::rows);
    add_rows("fib_task", "asio", size, on_asio::rows);
}

}  // namespace gatherd::bench
