// Counts the ways to place n queens: a task for every safe place of the next queen, at every depth.
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
#include "gatherd/executor/gather.hpp"
#include "gatherd/executor/run.hpp"

namespace gatherd::bench {
namespace {

constexpr std::size_t largest = 16;

/// Queens in the first columns of a board, one a column.
struct board {
    std::int8_t size = 0;
    std::int8_t placed = 0;
    std::array<std::int8_t, largest> rows{};

    [[nodiscard]] bool is_full() const noexcept { return placed == size; }

    [[nodiscard]] bool is_safe(std::int8_t row) const noexcept {
        for (std::int8_t column = 0; column < placed; ++column) {
            const int apart = rows[static_cast<std::size_t>(column)] - row;
            if (apart == 0 || apart == placed - column || apart == column - placed) {
                return false;
            }
        }
        return true;
    }

    [[nodiscard]] board with(std::int8_t row) const noexcept {
        board next = *this;
        next.rows[static_cast<std::size_t>(next.placed++)] = row;
        return next;
    }
};

/// What all ways are, and the boards on the way to them, which are the tasks.
struct totals {
    long ways = 0;
    long boards = 1;
};

totals count_serially(const board& at) {
    totals all{.ways = at.is_full() ? 1 : 0};
    for (std::int8_t row = 0; row < at.size && !at.is_full(); ++row) {
        if (at.is_safe(row)) {
            const totals below = count_serially(at.with(row));
            all.ways += below.ways;
            all.boards += below.boards;
        }
    }
    return all;
}

board empty_board(std::int64_t size) {
    expect(size <= static_cast<std::int64_t>(largest), "nqueens: the board is too large");
    return {.size = static_cast<std::int8_t>(size)};
}

namespace on_gatherd {

executor::task<long> ways(board at) {
    if (at.is_full()) {
        co_return 1;
    }
    std::vector<executor::task<long>> children;
    for (std::int8_t row = 0; row < at.size; ++row) {
        if (at.is_safe(row)) {
            children.push_back(ways(at.with(row)));
        }
    }
    const auto counts = co_await executor::gather(std::move(children));
    co_return std::accumulate(counts.begin(), counts.end(), 0L);
}

void rows(benchmark::State& state, shape of) {
    executor::scheduler pool{{.workers = static_cast<std::size_t>(of.workers)}};
    const totals right = count_serially(empty_board(of.size));
    for (auto _ : state) {
        expect(executor::run(pool, ways(empty_board(of.size))) == right.ways, "nqueens/gatherd");
    }
    set_pieces(state, right.boards);
}

}  // namespace on_gatherd

namespace on_onetbb {

long ways(const board& at) {
    if (at.is_full()) {
        return 1;
    }
    std::array<long, largest> counts{};
    tbb::task_group children;
    for (std::int8_t row = 0; row < at.size; ++row) {
        if (at.is_safe(row)) {
            long& count = counts[static_cast<std::size_t>(row)];
            children.run([&count, next = at.with(row)] { count = ways(next); });
        }
    }
    children.wait();
    return std::accumulate(counts.begin(), counts.end(), 0L);
}

void rows(benchmark::State& state, shape of) {
    onetbb_pool pool{of.workers};
    const totals right = count_serially(empty_board(of.size));
    for (auto _ : state) {
        expect(pool.execute([&of] { return ways(empty_board(of.size)); }) == right.ways, "nqueens/onetbb");
    }
    set_pieces(state, right.boards);
}

}  // namespace on_onetbb

namespace on_asio {

asio::awaitable<long> ways(board at) {
    if (at.is_full()) {
        co_return 1;
    }
    std::vector<asio::awaitable<long>> children;
    for (std::int8_t row = 0; row < at.size; ++row) {
        if (at.is_safe(row)) {
            children.push_back(ways(at.with(row)));
        }
    }
    const auto counts = co_await gather(std::move(children));
    co_return std::accumulate(counts.begin(), counts.end(), 0L);
}

void rows(benchmark::State& state, shape of) {
    asio::thread_pool pool{static_cast<std::size_t>(of.workers)};
    const totals right = count_serially(empty_board(of.size));
    for (auto _ : state) {
        const long result = asio::co_spawn(pool, ways(empty_board(of.size)), asio::use_future).get();
        expect(result == right.ways, "nqueens/asio");
    }
    set_pieces(state, right.boards);
}

}  // namespace on_asio
}  // namespace

void add_nqueens(std::int64_t size) {
    add_rows("nqueens", "gatherd", size, on_gatherd::rows);
    add_rows("nqueens", "onetbb", size, on_onetbb::rows);
    add_rows("nqueens", "asio", size, on_asio::rows);
}

}  // namespace gatherd::bench
