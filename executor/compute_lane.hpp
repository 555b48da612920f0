/// \file
/// The lane for calls that take much CPU: a oneTBB arena.
#pragma once

#include <cstddef>
#include <memory>
#include <mutex>

#include "executor/work.hpp"

namespace gatherd::executor {

/// Runs work on oneTBB's threads, where oneTBB's parallel algorithms may be used freely, so that no long computation
/// holds up a worker: the operating system shares the cores between the two.
///
/// Threads: all members are safe from any thread.
class compute_lane {
public:
    explicit compute_lane(std::size_t max_threads) noexcept;
    ~compute_lane();
    compute_lane(const compute_lane&) = delete;
    compute_lane& operator=(const compute_lane&) = delete;

    /// Has a thread of the arena run it; always true. The arena comes into being with the first.
    bool submit(work& item);

    /// Waits until all that was submitted has run. When nobody submits any more.
    void stop() noexcept;

private:
    struct state;
    const std::size_t max_threads_;
    std::once_flag made_;
    std::unique_ptr<state> state_;  // from the first submit on
};

}  // namespace gatherd::executor
