/// \file
/// A worker's queue: the owner adds at one end, everybody may take at the other.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "executor/std_sync.hpp"

namespace gatherd::executor {

/// Chase and Lev's work-stealing deque ("Dynamic Circular Work-Stealing Deque", SPAA 2005), with the memory orders
/// of Le, Pop, Cohen and Zappa Nardelli (PPoPP 2013), but the owner's fence is the light side of an asymmetric_fence.
///
/// Roles       owner: push, try_pop, take_oldest (one thread).  thieves: try_steal (any other thread).
///
/// State               top              bottom
///                      v                  v
///             [ gone ][ t ][ . ][ . ][b-1][ free ]      thieves take at top, the owner's try_pop at bottom - 1
///
/// Invariants  I1  0 <= bottom - top <= size of the ring, while no try_pop is in progress
///             I2  every item leaves once: by moving top past it, or by the owner while top is below it
///             I3  the owner rewrites a slot only after top has passed the item it held, else it takes a larger ring
///             I4  a ring that was replaced lives until the deque ends: a thief may still read it
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
class work_deque {
public:
    /// `capacity`: a power of two, where the ring begins; it doubles when full and never shrinks.
    explicit work_deque(std::size_t capacity = 256) {
        rings_.push_back(std::make_unique<ring>(capacity));
        ring_.store(rings_.back().get(), std::memory_order_relaxed);  // no other thread yet
    }
    work_deque(const work_deque&) = delete;
    work_deque& operator=(const work_deque&) = delete;

    /// Adds at the bottom. Owner only. Throws std::bad_alloc when a larger ring cannot be had; nothing changed then.
    void push(T* item) {
        const std::int64_t b = bottom_.load(std::memory_order_relaxed);  // the owner's own
        ring* slots = ring_.load(std::memory_order_relaxed);             // the owner's own
        if (b - top_seen_ >= static_cast<std::int64_t>(slots->size())) [[unlikely]] {
            slots = make_room(slots, b);
        }
        slots->at(b).store(item, std::memory_order_relaxed);  // published by the next line
        bottom_.store(b + 1, Sync::before_fence);             // A, D
    }

    /// Takes the newest item, or null. Owner only.
    [[nodiscard]] T* try_pop() noexcept {
        const std::int64_t b = bottom_.load(std::memory_order_relaxed) - 1;  // the owner's own
        const ring* slots = ring_.load(std::memory_order_relaxed);           // the owner's own
        bottom_.store(b, Sync::before_fence);                                // C
        Sync::light_fence();                                                 // C
        std::int64_t t = top_.load(Sync::after_fence);                       // C
        T* item = nullptr;
        if (t <= b) [[likely]] {
            item = slots->at(b).load(std::memory_order_relaxed);  // the owner wrote it
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

    /// Takes the oldest item, or null when there is none. Owner only, and cheaper than a thief's way: the owner knows
    /// its own bottom.
    [[nodiscard]] T* take_oldest() noexcept {
        const std::int64_t b = bottom_.load(std::memory_order_relaxed);  // the owner's own
        std::int64_t t = top_.load(std::memory_order_relaxed);           // a guess; the exchange decides
        while (t < b) {
            T* item = ring_.load(std::memory_order_relaxed)->at(t).load(std::memory_order_relaxed);  // the owner's own
            if (top_.compare_exchange_weak(t, t + 1, std::memory_order_seq_cst)) {                   // B, C
                return item;
            }
        }
        return nullptr;
    }

    /// Takes the oldest item, or null when there is none or another thread took it first. Not for the owner.
    /// Cost: a look, and where there seems to be something the heavy side of a fence.
    [[nodiscard]] T* try_steal() noexcept {
        if (size() == 0) {
            return nullptr;
        }
        std::int64_t t = top_.load(std::memory_order_acquire);    // C
        Sync::heavy_fence();                                      // C
        const std::int64_t b = bottom_.load(Sync::after_fence);  // A, C
        if (t >= b) {
            return nullptr;
        }
        const ring* slots = ring_.load(std::memory_order_acquire);                 // A: at least as new as this bottom
        T* item = slots->at(t).load(std::memory_order_relaxed);                    // A
        if (!top_.compare_exchange_strong(t, t + 1, std::memory_order_seq_cst)) {  // B, C
            return nullptr;
        }
        return item;
    }

    /// How many items there are: exact for the owner while nobody steals, else a moment's view; after the caller's
    /// heavy fence not older than that. Any thread.
    [[nodiscard]] std::size_t size() const noexcept {
        const std::int64_t t = top_.load(Sync::after_fence);     // D
        const std::int64_t b = bottom_.load(Sync::after_fence);  // D
        return b > t ? static_cast<std::size_t>(b - t) : 0;
    }

private:
    using slot = typename Sync::template atomic<T*>;

    class ring {
    public:
        explicit ring(std::size_t size) : size_{size}, slots_{std::make_unique<slot[]>(size)} {}
        [[nodiscard]] std::size_t size() const noexcept { return size_; }
        [[nodiscard]] slot& at(std::int64_t index) const noexcept {
            return slots_[static_cast<std::size_t>(index) & (size_ - 1)];
        }

    private:
        std::size_t size_;
        std::unique_ptr<slot[]> slots_;
    };

    /// The ring looks full: thieves may have taken something since we looked; else a larger one.
    [[gnu::noinline]] ring* make_room(ring* slots, std::int64_t b) {
        top_seen_ = top_.load(std::memory_order_acquire);  // B
        if (b - top_seen_ < static_cast<std::int64_t>(slots->size())) {
            return slots;
        }
        auto larger = std::make_unique<ring>(slots->size() * 2);
        for (std::int64_t i = top_seen_; i < b; ++i) {
            larger->at(i).store(slots->at(i).load(std::memory_order_relaxed), std::memory_order_relaxed);  // by release
        }
        rings_.push_back(std::move(larger));
        ring_.store(rings_.back().get(), std::memory_order_release);  // A
        return rings_.back().get();
    }

    static constexpr std::size_t line = 128;  // two cache lines: the prefetcher takes them in pairs

    alignas(line) typename Sync::template atomic<std::int64_t> top_{0};
    alignas(line) typename Sync::template atomic<std::int64_t> bottom_{0};
    typename Sync::template atomic<ring*> ring_{nullptr};
    std::int64_t top_seen_ = 0;                 // the owner's: not later than top
    std::vector<std::unique_ptr<ring>> rings_;  // all that ever were: I4
};

}  // namespace gatherd::executor
