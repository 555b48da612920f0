/// \file
/// The list of workloads. Each is a file of its name that shows the same thing done by every runtime.
#pragma once

#include <cstdint>

namespace gatherd::bench {

/// How large each workload is. The defaults are what docs/PERFORMANCE.md shows.
struct sizes {
    std::int64_t fib = 35;
    std::int64_t fib_task = 30;
    std::int64_t skynet = 1'000'000;
    std::int64_t nqueens = 12;
    std::int64_t spawn_join = 1'000'000;
    std::int64_t batches = 100'000;
    std::int64_t post = 1'000'000;
    std::int64_t yield = 1'000'000;
    std::int64_t sleepers = 1'000'000;
    std::int64_t wake = 1'000;
    std::int64_t pingpong = 100'000;
    std::int64_t channel = 1'000'000;
    std::int64_t mutex = 1'000'000;

    /// So small that all of it takes a second: to see that it works.
    static sizes tiny() {
        return {.fib = 15,
                .fib_task = 10,
                .skynet = 1'000,
                .nqueens = 6,
                .spawn_join = 1'000,
                .batches = 1'000,
                .post = 3'000,
                .yield = 1'000,
                .sleepers = 5'000,
                .wake = 20,
                .pingpong = 500,
                .channel = 2'000,
                .mutex = 2'000};
    }
};

void add_fib(std::int64_t size);
void add_fib_task(std::int64_t size);
void add_skynet(std::int64_t size);
void add_nqueens(std::int64_t size);
void add_spawn_join(std::int64_t size);
void add_batches(std::int64_t size);
void add_post(std::int64_t size);
void add_yield(std::int64_t size);
void add_sleepers(std::int64_t size);
void add_wake(std::int64_t size);
void add_pingpong(std::int64_t size);
void add_channel(std::int64_t size);
void add_mutex(std::int64_t size);

}  // namespace gatherd::bench
