/// \file
/// What a worker has done so far, for reports and for finding out where time goes.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace gatherd::executor {

/// A number that one thread raises and any may read: a plain add, no locked instruction, so it is always on.
class owned_counter {
public:
    /// Owner only.
    void add(std::uint64_t n = 1) noexcept {
        value_.store(value_.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);  // a number, nothing else
    }
    /// Any thread.
    [[nodiscard]] std::uint64_t get() const noexcept { return value_.load(std::memory_order_relaxed); }

private:
    std::atomic<std::uint64_t> value_{0};
};

/// A moment's view of one worker; the members may be some work apart from each other.
struct worker_counters {
    std::uint64_t run = 0;            ///< pieces of work: steps of tasks, forks taken from the queue, injected calls
    std::uint64_t spawned = 0;        ///< tasks created by its tasks
    std::uint64_t stolen = 0;         ///< pieces of work that it took from another worker
    std::uint64_t failed_steals = 0;  ///< rounds through all others without finding any
    std::uint64_t parks = 0;          ///< times it went to sleep
    std::uint64_t wakes = 0;          ///< times it woke another
    std::uint64_t injected = 0;       ///< pieces of work that it took from outside
    std::uint64_t timers = 0;         ///< timers that fired
    std::size_t queued = 0;           ///< pieces of work that wait in its queues
};

}  // namespace gatherd::executor
