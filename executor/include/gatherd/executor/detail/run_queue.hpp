/// \file
/// A worker's run queue: the owner adds at the end; the owner and thieves take at the beginning, thieves several at
/// once.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

#include "gatherd/executor/detail/owned_ring.hpp"
#include "gatherd/executor/detail/std_sync.hpp"

namespace gatherd::executor {

/// First in, first out; one thread adds and many take. Since all take at the same end, one exchange of `top` decides
/// for any number of items. Of fixed size, like the run queues of Go's and tokio's schedulers: what does not fit goes
/// to the injection queue.
///
/// Roles       owner: try_push, try_take (one thread).  thieves: try_steal (any other thread).
///
/// Invariants  I1  0 <= bottom - top <= Capacity
///             I2  every item leaves once, by moving top past it
///             I3  the owner rewrites a slot only after top has passed the item that it held
///
/// Edges       A   try_push: bottom store, release  ->  try_steal: bottom load     the items are visible
///             B   any: top exchange, acq_rel  ->  try_push: top load, acquire     the slot is free (I3)
///             D   try_push: bottom store, seq_cst  ||  parking: see idle_workers.hpp, edge P
///
/// Evidence    tests/model/run_queue_model.cpp, idle_workers_model.cpp (Relacy, this source);
///             tests/stress/run_queue_stress.cpp (TSan). tests/model/mutants.py weakens every operation in turn. The
///             models notice at
///                   A  try_push's store and try_steal's bottom load
///                   D  try_push's store and size's bottom load
///                   I2 each exchange of top, made in two steps instead of one
///             By argument only, with the reasons in mutants.py: B. Try_steal's load of top is a guess, like
///             try_take's.
template <typename T, std::size_t Capacity = 256, typename Sync = std_sync>
class run_queue : public owned_ring<T, Capacity, Sync> {
    using base = owned_ring<T, Capacity, Sync>;
    using base::bottom_;
    using base::slot;
    using base::top_;

public:
    static constexpr std::size_t most_at_once = 64;
    using loot = std::array<T*, most_at_once>;

    /// Takes the first item, or gives null when there is none. Owner only.
    [[nodiscard]] T* try_take() noexcept {
        const std::int64_t b = bottom_.load(std::memory_order_relaxed);  // the owner's own
        std::int64_t t = top_.load(std::memory_order_relaxed);           // a guess; the exchange decides
        while (t < b) {
            T* item = slot(t).load(std::memory_order_relaxed);                      // the owner wrote it
            if (top_.compare_exchange_weak(t, t + 1, std::memory_order_acq_rel)) {  // B
                return item;
            }
        }
        return nullptr;
    }

    /// Takes the first half of the items, rounded up, but not more than most_at_once. Gives how many; 0 also when
    /// another thread took some first. Not for the owner.
    [[nodiscard]] std::size_t try_steal(loot& stolen) noexcept {
        std::int64_t t = top_.load(std::memory_order_acquire);           // a guess; the exchange decides
        const std::int64_t b = bottom_.load(std::memory_order_acquire);  // A
        if (t >= b) {
            return 0;
        }
        const std::size_t count = std::min<std::size_t>((static_cast<std::size_t>(b - t) + 1) / 2, most_at_once);
        for (std::size_t i = 0; i < count; ++i) {
            stolen[i] = slot(t + static_cast<std::int64_t>(i)).load(std::memory_order_relaxed);  // A
        }
        return top_.compare_exchange_strong(t, t + static_cast<std::int64_t>(count), std::memory_order_acq_rel)  // B
                   ? count
                   : 0;
    }
};

}  // namespace gatherd::executor
