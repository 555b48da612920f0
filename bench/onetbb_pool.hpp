/// \file
/// oneTBB held to a number of threads, in the two ways in which it is meant to be used.
#pragma once

#include <oneapi/tbb/global_control.h>
#include <oneapi/tbb/task_arena.h>

#include <cstddef>
#include <utility>

namespace gatherd::bench {

/// For fork and join: the calling thread works too while it waits, with `threads` - 1 of oneTBB's own.
class onetbb_pool {
public:
    explicit onetbb_pool(int threads)
        : limit_{tbb::global_control::max_allowed_parallelism, static_cast<std::size_t>(threads)}, arena_{threads} {}

    /// Runs `fork_and_join` on the calling thread, as one of the arena.
    template <typename Function>
    auto execute(Function&& fork_and_join) {
        return arena_.execute(std::forward<Function>(fork_and_join));
    }

private:
    tbb::global_control limit_;
    tbb::task_arena arena_;
};

/// For work from outside: all `threads` are oneTBB's own, and the calling thread only hands over.
class onetbb_queue {
public:
    explicit onetbb_queue(int threads)
        : limit_{tbb::global_control::max_allowed_parallelism, static_cast<std::size_t>(threads) + 1},
          arena_{threads, 0} {}  // no slot is kept for callers

    template <typename Function>
    void enqueue(Function&& item) {
        arena_.enqueue(std::forward<Function>(item));
    }

private:
    tbb::global_control limit_;
    tbb::task_arena arena_;
};

}  // namespace gatherd::bench
