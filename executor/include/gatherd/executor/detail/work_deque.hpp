/// \file
/// A worker's queue: the owner adds at one end, everybody may take at the other.
#pragma once

#include <cstddef>
#include <cstdint>

#include "gatherd/executor/detail/owned_ring.hpp"
#include "gatherd/executor/detail/std_sync.hpp"

namespace gatherd::executor {

/// Chase and Lev's work-stealing deque ("Dynamic Circular Work-Stealing Deque", SPAA 2005), with the memory orders
/// of Le, Pop, Cohen and Zappa Nardelli (PPoPP 2013), but the owner's fence is the light side of an asymmetric_fence.
///
/// Roles       owner: push, try_pop (one thread).  thieves: try_steal (any other thread).
///
/// State               top              bottom
///                      v                  v
///             [ gone ][ t ][ . ][ . ][b-1][ free ]      thieves take at top, the owner's try_pop at bottom - 1
///
/// Invariants  I1  0 <= bottom - top <= size of the ring, while no try_pop is in progress
///             I2  every item leaves once: by moving top past it, or by the owner while top is below it
///             I3  the owner rewrites a slot only after top has passed the item it held, else it takes a larger ring
///
/// Edges       A   push: bottom store, release  ->  try_steal: bottom load       the item and its ring are visible
///             B   any: top exchange  ->  push: top load, acquire                the slot is free (I3)
///             C   try_pop: bottom store, light fence, top load  ||  try_steal: top load, heavy fence, bottom load:
///                 when both want the last item, at least one sees the other, and the exchange of top decides (I2)
///             D   push: bottom store, the submitter's light fence  ||  parking: see idle_workers.hpp, edge P
///
/// Evidence    tests/model/work_deque_model.cpp, idle_workers_model.cpp (Relacy, this source, the fences as the full
///             ones that they stand for); tests/stress/work_deque_stress.cpp (TSan). tests/model/mutants.py weakens
///             every operation in turn and takes every fence away; what the models do not notice stands there with the
///             reason.
template <typename T, typename Sync = std_sync>
class work_deque : public owned_ring<T, Sync> {
public:
    /// `capacity`: a power of two, where the ring begins; it doubles when full and never shrinks.
    explicit work_deque(std::size_t capacity = 256) : owned_ring<T, Sync>{capacity} {}

    /// Takes the newest item, or null. Owner only.
    [[nodiscard]] T* try_pop() noexcept {
        const std::int64_t b = bottom_.load(std::memory_order_relaxed) - 1;  // the owner's own
        bottom_.store(b, Sync::before_fence);                                // C
        Sync::light_fence();                                                 // C
        std::int64_t t = top_.load(Sync::after_fence);                       // C
        T* item = nullptr;
        if (t <= b) [[likely]] {
            item = ring_.own().at(b).load(std::memory_order_relaxed);  // the owner wrote it
            if (t < b) [[likely]] {
                return item;
            }
            if (!top_.compare_exchange_strong(t, t + 1, std::memory_order_seq_cst)) {  // C: a thief was faster
                item = nullptr;
            }
        }
        bottom_.store(b + 1, Sync::before_fence);  // A: keeps every bottom store a release
        return item;
    }

    /// Takes the oldest item, or null when there is none or another thread took it first. Not for the owner.
    /// Cost: a look, and where there seems to be something the heavy side of a fence.
    [[nodiscard]] T* try_steal() noexcept {
        if (this->size() == 0) {
            return nullptr;
        }
        std::int64_t t = top_.load(std::memory_order_acquire);   // C
        Sync::heavy_fence();                                     // C
        const std::int64_t b = bottom_.load(Sync::after_fence);  // A, C
        if (t >= b) {
            return nullptr;
        }
        T* item = ring_.seen().at(t).load(std::memory_order_relaxed);              // A
        if (!top_.compare_exchange_strong(t, t + 1, std::memory_order_seq_cst)) {  // B, C
            return nullptr;
        }
        return item;
    }

private:
    using base = owned_ring<T, Sync>;
    using base::bottom_;
    using base::ring_;
    using base::top_;
};

}  // namespace gatherd::executor
