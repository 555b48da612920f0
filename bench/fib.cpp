// Fibonacci numbers by structured fork and join: a child never outlives the call that forked it.
#include <oneapi/tbb/task_group.h>

#include <cstddef>

#include "bench/fibonacci.hpp"
#include "bench/onetbb_pool.hpp"
#include "bench/rows.hpp"
#include "bench/workloads.hpp"
#include "gatherd/executor/fork_join/fork_join.hpp"
#include "gatherd/executor/run.hpp"

namespace gatherd::bench {
namespace {

namespace on_gatherd {

executor::forked<long> fib(long n) {
    if (n < 2) {
        co_return n;
    }
    long one = 0;
    long other = 0;
    co_await executor::fork(one, fib(n - 1));
    co_await executor::call(other, fib(n - 2));
    co_await executor::join();
    co_return one + other;
}

executor::task<long> root(long n) {
    co_return co_await executor::fork_join(fib(n));
}

void rows(benchmark::State& state, shape of) {
    executor::scheduler pool{{.workers = static_cast<std::size_t>(of.workers)}};
    const auto right = fibonacci(of.size);
    for (auto _ : state) {
        expect(executor::run(pool, root(of.size)) == right, "fib/gatherd");
    }
    set_pieces(state, calls(of.size));
}

}  // namespace on_gatherd

namespace on_onetbb {

long fib(long n) {
    if (n < 2) {
        return n;
    }
    long one = 0;
    tbb::task_group children;
    children.run([&one, n] { one = fib(n - 1); });
    const long other = fib(n - 2);
    children.wait();
    return one + other;
}

void rows(benchmark::State& state, shape of) {
    onetbb_pool pool{of.workers};
    const auto right = fibonacci(of.size);
    for (auto _ : state) {
        expect(pool.execute([&of] { return fib(of.size); }) == right, "fib/onetbb");
    }
    set_pieces(state, calls(of.size));
}

}  // namespace on_onetbb
}  // namespace

// Not on Asio, which has no structured fork: thirty million co_spawns take minutes. fib_task has it, of a smaller size.
void add_fib(std::int64_t size) {
    add_rows("fib", "gatherd", size, on_gatherd::rows);
    add_rows("fib", "onetbb", size, on_onetbb::rows);
}

}  // namespace gatherd::bench
