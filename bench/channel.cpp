// Numbers go from one task to another through a bounded queue.
#include <asio/experimental/awaitable_operators.hpp>
#include <asio/experimental/concurrent_channel.hpp>
#include <asio/thread_pool.hpp>
#include <asio/use_future.hpp>

#include <cstddef>
#include <tuple>

#include "bench/rows.hpp"
#include "bench/workloads.hpp"
#include "gatherd/executor/gather.hpp"
#include "gatherd/executor/queue.hpp"
#include "gatherd/executor/run.hpp"

namespace gatherd::bench {
namespace {

constexpr std::size_t room = 128;

std::int64_t sum_below(std::int64_t numbers) {
    return numbers * (numbers - 1) / 2;
}

namespace on_gatherd {

executor::task<long> producer(executor::queue<long>& to, long numbers) {
    for (long i = 0; i < numbers; ++i) {
        co_await to.put(i);
    }
    co_return numbers;
}

executor::task<long> consumer(executor::queue<long>& from, long numbers) {
    long sum = 0;
    for (long i = 0; i < numbers; ++i) {
        sum += co_await from.get();
    }
    co_return sum;
}

executor::task<long> both(long numbers) {
    executor::queue<long> between{room};
    const auto [sent, sum] = co_await executor::gather(producer(between, numbers), consumer(between, numbers));
    expect(sent == numbers, "channel/gatherd: numbers sent");
    co_return sum;
}

void rows(benchmark::State& state, shape of) {
    executor::scheduler pool{{.workers = static_cast<std::size_t>(of.workers)}};
    for (auto _ : state) {
        expect(executor::run(pool, both(of.size)) == sum_below(of.size), "channel/gatherd");
    }
    set_pieces(state, of.size);
}

}  // namespace on_gatherd

namespace on_asio {

using channel = asio::experimental::concurrent_channel<void(asio::error_code, long)>;

asio::awaitable<long> producer(channel& to, long numbers) {
    for (long i = 0; i < numbers; ++i) {
        co_await to.async_send(asio::error_code{}, i, asio::use_awaitable);
    }
    co_return numbers;
}

asio::awaitable<long> consumer(channel& from, long numbers) {
    long sum = 0;
    for (long i = 0; i < numbers; ++i) {
        sum += co_await from.async_receive(asio::use_awaitable);
    }
    co_return sum;
}

asio::awaitable<long> both(long numbers) {
    using namespace asio::experimental::awaitable_operators;
    channel between{co_await asio::this_coro::executor, room};
    const auto [sent, sum] = co_await (producer(between, numbers) && consumer(between, numbers));
    expect(sent == numbers, "channel/asio: numbers sent");
    co_return sum;
}

void rows(benchmark::State& state, shape of) {
    asio::thread_pool pool{static_cast<std::size_t>(of.workers)};
    for (auto _ : state) {
        expect(asio::co_spawn(pool, both(of.size), asio::use_future).get() == sum_below(of.size), "channel/asio");
    }
    set_pieces(state, of.size);
}

}  // namespace on_asio
}  // namespace

void add_channel(std::int64_t size) {
    add_rows("channel", "gatherd", size, on_gatherd::rows);
    add_rows("channel", "asio", size, on_asio::rows);
}

}  // namespace gatherd::bench
