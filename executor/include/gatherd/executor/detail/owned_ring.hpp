/// \file
/// What the two kinds of worker's queues share: one thread adds at the end, the rest is the kind's own.
#pragma once

#include <cstddef>
#include <cstdint>

#include "gatherd/executor/detail/growing_ring.hpp"
#include "gatherd/executor/detail/std_sync.hpp"

namespace gatherd::executor {

/// The two ends of a queue in a growing ring, and adding to it. Edges and invariants: see work_queue and work_deque.
template <typename T, typename Sync>
class owned_ring {
public:
    /// `capacity`: a power of two, where the ring begins; it doubles when full and never shrinks.
    explicit owned_ring(std::size_t capacity) : ring_{capacity} {}
    owned_ring(const owned_ring&) = delete;
    owned_ring& operator=(const owned_ring&) = delete;

    /// Adds at the end. Owner only. Throws std::bad_alloc when a larger ring cannot be had; nothing changed then.
    void push(T* item) {
        const std::int64_t b = bottom_.load(std::memory_order_relaxed);  // the owner's own
        if (b - top_seen_ >= static_cast<std::int64_t>(ring_.own().size())) [[unlikely]] {
            make_room(b);
        }
        ring_.own().at(b).store(item, std::memory_order_relaxed);  // published by the next line
        bottom_.store(b + 1, Sync::before_fence);                  // A, D
    }

    /// How many items there are: exact for the owner while nobody steals, else a moment's view; after the caller's
    /// heavy fence not older than that. Any thread.
    [[nodiscard]] std::size_t size() const noexcept {
        const std::int64_t t = top_.load(Sync::after_fence);     // D
        const std::int64_t b = bottom_.load(Sync::after_fence);  // D
        return b > t ? static_cast<std::size_t>(b - t) : 0;
    }

    /// Whether it was the last to be added, of those that the owner has not taken; a thief may have it. Owner only.
    [[nodiscard]] bool newest_is(const T& item) noexcept {
        const std::int64_t b = bottom_.load(std::memory_order_relaxed);  // the owner's own
        return ring_.own().at(b - 1).load(std::memory_order_relaxed) == &item;
    }

protected:
    static constexpr std::size_t line = 128;  // two cache lines: the prefetcher takes them in pairs

    alignas(line) typename Sync::template atomic<std::int64_t> top_{0};
    alignas(line) typename Sync::template atomic<std::int64_t> bottom_{0};
    growing_ring<T, Sync> ring_;

private:
    /// The ring looks full: others may have taken something since we looked; else a larger one.
    [[gnu::noinline]] void make_room(std::int64_t b) {
        top_seen_ = top_.load(std::memory_order_acquire);  // B
        if (b - top_seen_ >= static_cast<std::int64_t>(ring_.own().size())) {
            ring_.grow(top_seen_, b);
        }
    }

    std::int64_t top_seen_ = 0;  // the owner's: not later than top
};

}  // namespace gatherd::executor
