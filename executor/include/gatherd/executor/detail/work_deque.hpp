/// \file
/// A worker's deque: the owner adds and takes at one end, thieves take at the other.
#pragma once

#include <cstddef>
#include <cstdint>

#include "gatherd/executor/detail/owned_ring.hpp"
#include "gatherd/executor/detail/std_sync.hpp"

namespace gatherd::executor {

/// Chase and Lev's work-stealing deque ("Dynamic Circular Work-Stealing Deque", SPAA 2005), of fixed size: what does
/// not fit goes elsewhere. The orders are those of the sequentially consistent original where owner and thief meet
/// (C), and weaker where only data is published.
///
/// Roles       owner: try_push, try_pop (one thread).  thieves: try_steal (any other thread).
///
/// State               top              bottom
///                      v                  v
///             [ gone ][ t ][ . ][ . ][b-1][ free ]      thieves take at top, the owner's try_pop at bottom - 1
///
/// Invariants  I1  0 <= bottom - top <= Capacity, while no try_pop is in progress
///             I2  every item leaves once: by moving top past it, or by the owner while top is below it
///             I3  the owner rewrites a slot only after top has passed the item that it held
///
/// Edges       A   try_push: bottom store, release  ->  try_steal: bottom load     the item is visible
///             B   any: top exchange  ->  try_push: top load, acquire              the slot is free (I3)
///             C   try_pop: bottom store, top load  ||  try_steal: top load, bottom load, top exchange, all seq_cst:
///                 when both want the last item, at least one sees the other, and the exchange of top decides (I2)
///             D   try_push: bottom store, seq_cst  ||  parking: see idle_workers.hpp, edge P
///
/// Evidence    tests/model/work_deque_model.cpp, idle_workers_model.cpp (Relacy, this source);
///             tests/stress/work_deque_stress.cpp (TSan). tests/model/mutants.py weakens every operation in turn. The
///             models notice at
///                   A  try_push's store and try_steal's bottom load
///                   C  try_pop's first store and its load, try_steal's bottom load and its exchange; and each exchange
///                      of top, made in two steps instead of one
///                   D  try_push's store and size's bottom load
///             By argument only, with the reasons in mutants.py: B, try_steal's top load (it must come before the load
///             of bottom), try_pop's last store (A; needed since C++20), and the order of try_pop's exchange.
template <typename T, std::size_t Capacity = 256, typename Sync = std_sync>
class work_deque : public owned_ring<T, Capacity, Sync> {
    using base = owned_ring<T, Capacity, Sync>;
    using base::bottom_;
    using base::slot;
    using base::top_;

public:
    /// Takes the newest item, or gives null. Owner only.
    [[nodiscard]] T* try_pop() noexcept {
        const std::int64_t b = bottom_.load(std::memory_order_relaxed) - 1;  // the owner's own
        bottom_.store(b, std::memory_order_seq_cst);                         // C
        std::int64_t t = top_.load(std::memory_order_seq_cst);               // C
        T* item = nullptr;
        if (t <= b) [[likely]] {
            item = slot(b).load(std::memory_order_relaxed);  // the owner wrote it
            if (t < b) [[likely]] {
                return item;
            }
            if (!top_.compare_exchange_strong(t, t + 1, std::memory_order_seq_cst)) {  // C: a thief was faster
                item = nullptr;
            }
            drains_.store(drains_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
        }
        bottom_.store(b + 1, std::memory_order_release);  // A: keeps every bottom store a release
        return item;
    }

    /// Takes the oldest item, or gives null when there is none or another thread took it first. Not for the owner,
    /// unless it is in no other call.
    [[nodiscard]] T* try_steal() noexcept {
        std::int64_t t = top_.load(std::memory_order_seq_cst);           // C
        const std::int64_t b = bottom_.load(std::memory_order_seq_cst);  // A, C
        if (t >= b) {
            return nullptr;
        }
        T* item = slot(t).load(std::memory_order_relaxed);                         // A
        if (!top_.compare_exchange_strong(t, t + 1, std::memory_order_seq_cst)) {  // B, C
            return nullptr;
        }
        return item;
    }

    /// How often the owner took the last item, or found that a thief had it: for thieves that want to know whether
    /// something was here all the time. A moment's view. Any thread.
    [[nodiscard]] std::int64_t drains() const noexcept { return drains_.load(std::memory_order_relaxed); }

private:
    typename Sync::template atomic<std::int64_t> drains_{0};  // the owner's; a number, nothing hangs on it
};

}  // namespace gatherd::executor
