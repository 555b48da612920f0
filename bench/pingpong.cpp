// Two tasks wake each other in turn: what it costs to wait for an event and to set one.
#include <asio/experimental/awaitable_operators.hpp>
#include <asio/experimental/concurrent_channel.hpp>
#include <asio/thread_pool.hpp>
#include <asio/use_future.hpp>

#include <cstddef>
#include <tuple>

#include "bench/rows.hpp"
#include "bench/workloads.hpp"
#include "gatherd/executor/event.hpp"
#include "gatherd/executor/gather.hpp"
#include "gatherd/executor/run.hpp"

namespace gatherd::bench {
namespace {

namespace on_gatherd {

executor::task<long> player(executor::event& ours, executor::event& theirs, long turns) {
    long played = 0;
    for (; played < turns; ++played) {
        co_await ours.wait();
        ours.clear();
        theirs.set();
    }
    co_return played;
}

executor::task<long> game(long turns) {
    executor::event ping;
    executor::event pong;
    ping.set();
    const auto [one, other] = co_await executor::gather(player(ping, pong, turns), player(pong, ping, turns));
    co_return one + other;
}

void rows(benchmark::State& state, shape of) {
    executor::scheduler pool{{.workers = static_cast<std::size_t>(of.workers)}};
    for (auto _ : state) {
        expect(executor::run(pool, game(of.size)) == 2 * of.size, "pingpong/gatherd");
    }
    set_pieces(state, 2 * of.size);
}

}  // namespace on_gatherd

namespace on_asio {

/// Asio's coroutines have no event: a channel with room for one signal is theirs. Asio 1.22 needs something to send.
using event = asio::experimental::concurrent_channel<void(asio::error_code, bool)>;

asio::awaitable<long> player(event& ours, event& theirs, long turns) {
    long played = 0;
    for (; played < turns; ++played) {
        co_await ours.async_receive(asio::use_awaitable);
        theirs.try_send(asio::error_code{}, true);
    }
    co_return played;
}

asio::awaitable<long> game(long turns) {
    using namespace asio::experimental::awaitable_operators;
    const auto executor = co_await asio::this_coro::executor;
    event ping{executor, 1};
    event pong{executor, 1};
    ping.try_send(asio::error_code{}, true);
    const auto [one, other] = co_await (player(ping, pong, turns) && player(pong, ping, turns));
    co_return one + other;
}

void rows(benchmark::State& state, shape of) {
    asio::thread_pool pool{static_cast<std::size_t>(of.workers)};
    for (auto _ : state) {
        expect(asio::co_spawn(pool, game(of.size), asio::use_future).get() == 2 * of.size, "pingpong/asio");
    }
    set_pieces(state, 2 * of.size);
}

}  // namespace on_asio
}  // namespace

void add_pingpong(std::int64_t size) {
    add_rows("pingpong", "gatherd", size, on_gatherd::rows);
    add_rows("pingpong", "asio", size, on_asio::rows);
}

}  // namespace gatherd::bench
