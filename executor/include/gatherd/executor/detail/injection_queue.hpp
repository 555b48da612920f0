/// \file
/// The queue that all workers share: for what comes from outside and for what a worker's own queues cannot hold.
#pragma once

#include <atomic>
#include <cstddef>
#include <mutex>

#include "gatherd/executor/detail/std_sync.hpp"
#include "gatherd/executor/detail/work_list.hpp"
#include "gatherd/executor/work.hpp"

namespace gatherd::executor {

/// First in, first out, without a bound, and intrusive: a push cannot fail. A lock of a few instructions; submitters
/// that have much push a list at once, and workers take a bounded number at once.
///
/// Threads: all members are safe from any.
/// Edges       D   push: size store, seq_cst  ||  parking: see idle_workers.hpp, edge P
/// Evidence    tests/model/idle_workers_model.cpp (Relacy, this source), tests/stress/scheduler_stress.cpp.
template <typename Sync = std_sync>
class injection_queue {
public:
    /// Adds a list at the end, in its order.
    void push(work_list& items) noexcept {
        const std::lock_guard guard{lock_};
        items_.append(items);
        size_.store(items_.size(), std::memory_order_seq_cst);  // D
    }

    /// Moves the first `most` items, or all if there are fewer, to the end of `taken`.
    void take(std::size_t most, work_list& taken) noexcept {
        if (empty()) {
            return;  // without the lock, which submitters want
        }
        const std::lock_guard guard{lock_};
        for (; most > 0 && !items_.empty(); --most) {
            taken.push(items_.pop());
        }
        size_.store(items_.size(), std::memory_order_relaxed);  // fewer: nobody waits for that
    }

    [[nodiscard]] std::size_t size() const noexcept { return size_.load(std::memory_order_seq_cst); }  // D
    [[nodiscard]] bool empty() const noexcept { return size() == 0; }

private:
    typename Sync::lock lock_;
    work_list items_;                                      // under lock_
    typename Sync::template atomic<std::size_t> size_{0};  // written under lock_
};

}  // namespace gatherd::executor
