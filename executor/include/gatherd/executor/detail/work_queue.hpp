/// \file
/// A worker's line: the owner adds at the end, the owner and thieves take at the beginning, thieves several at once.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

#include "gatherd/executor/detail/owned_ring.hpp"
#include "gatherd/executor/detail/std_sync.hpp"

namespace gatherd::executor {

/// First in, first out, one adds and many take. Since everybody takes at the same end, one exchange of `top` decides
/// for any number of items, and nobody needs a fence; work_deque, whose owner takes at the other end, needs one.
/// As Go's and tokio's run queues, but it grows.
///
/// Roles       owner: push, take (one thread).  thieves: steal (any other thread).
///
/// Invariants  I1  0 <= bottom - top <= size of the ring
///             I2  every item leaves once, by moving top past it
///             I3  the owner rewrites a slot only after top has passed the item it held, else it takes a larger ring
///
/// Edges       A   push: bottom store, release  ->  steal: bottom load       the items and their ring are visible
///             B   any: top exchange, acq_rel  ->  push: top load, acquire   who took an item has read its slot (I3)
///             D   push: bottom store, the submitter's light fence  ||  parking: see idle_workers.hpp, edge P
///
/// Evidence    as for work_deque.
template <typename T, typename Sync = std_sync>
class work_queue : public owned_ring<T, Sync> {
public:
    static constexpr std::size_t most_at_once = 64;
    using loot = std::array<T*, most_at_once>;

    /// `capacity`: a power of two, where the ring begins; it doubles when full and never shrinks.
    explicit work_queue(std::size_t capacity = 256) : owned_ring<T, Sync>{capacity} {}

    /// Takes the first item, or null when there is none. Owner only.
    [[nodiscard]] T* take() noexcept {
        const std::int64_t b = bottom_.load(std::memory_order_relaxed);  // the owner's own
        std::int64_t t = top_.load(std::memory_order_relaxed);           // a guess; the exchange decides
        while (t < b) {
            T* item = ring_.own().at(t).load(std::memory_order_relaxed);            // the owner wrote it
            if (top_.compare_exchange_weak(t, t + 1, std::memory_order_acq_rel)) {  // B
                return item;
            }
        }
        return nullptr;
    }

    /// Takes half of what there is, rounded up, the first ones, but not more than most_at_once. Gives how many; 0 also
    /// when others took some first. Not for the owner.
    [[nodiscard]] std::size_t steal(loot& into) noexcept {
        std::int64_t t = top_.load(std::memory_order_acquire);   // before bottom: never more than there is
        const std::int64_t b = bottom_.load(Sync::after_fence);  // A
        if (t >= b) {
            return 0;
        }
        const std::size_t count = std::min<std::size_t>((static_cast<std::size_t>(b - t) + 1) / 2, most_at_once);
        const auto& slots = ring_.seen();
        for (std::size_t i = 0; i < count; ++i) {
            into[i] = slots.at(t + static_cast<std::int64_t>(i)).load(std::memory_order_relaxed);  // A
        }
        return top_.compare_exchange_strong(t, t + static_cast<std::int64_t>(count), std::memory_order_acq_rel)  // B
                   ? count
                   : 0;
    }

private:
    using base = owned_ring<T, Sync>;
    using base::bottom_;
    using base::ring_;
    using base::top_;
};

}  // namespace gatherd::executor
