/// \file
/// What the two kinds of run queues share: a ring of fixed size to which one thread adds.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "gatherd/executor/detail/std_sync.hpp"

namespace gatherd::executor {

/// A ring of `Capacity` slots, a power of two, between two indices that only grow. Edges and invariants: see run_queue
/// and work_deque. Nothing here allocates, so nothing here can fail for lack of memory.
template <typename T, std::size_t Capacity, typename Sync>
class owned_ring {
    static_assert((Capacity & (Capacity - 1)) == 0, "an index is turned into a slot by a mask");

public:
    owned_ring() noexcept = default;
    owned_ring(const owned_ring&) = delete;
    owned_ring& operator=(const owned_ring&) = delete;

    /// Adds at the end. False: the ring is full, and nothing has changed. Owner only.
    [[nodiscard]] bool try_push(T& item) noexcept {
        const std::int64_t b = bottom_.load(std::memory_order_relaxed);  // the owner's own
        if (b - top_seen_ >= capacity) [[unlikely]] {
            top_seen_ = top_.load(std::memory_order_acquire);  // B
            if (b - top_seen_ >= capacity) {
                return false;
            }
        }
        slot(b).store(&item, std::memory_order_relaxed);  // published by the next line
        bottom_.store(b + 1, std::memory_order_seq_cst);  // A, D
        return true;
    }

    /// How many items there are: exact for the owner while nobody steals, else a moment's view. Any thread.
    [[nodiscard]] std::size_t size() const noexcept {
        const std::int64_t t = top_.load(std::memory_order_relaxed);     // an older one only makes it look fuller
        const std::int64_t b = bottom_.load(std::memory_order_seq_cst);  // D
        return b > t ? static_cast<std::size_t>(b - t) : 0;
    }

    /// Where the next item will be taken by a thief, and where the next one will be added: for thieves that want to
    /// know whether the owner makes progress. A moment's view. Any thread.
    [[nodiscard]] std::int64_t top() const noexcept { return top_.load(std::memory_order_relaxed); }
    [[nodiscard]] std::int64_t bottom() const noexcept { return bottom_.load(std::memory_order_relaxed); }

    /// Whether `item` was the last to be added of those that the owner has not taken. A thief may have it. Owner only.
    [[nodiscard]] bool newest_is(const T& item) noexcept {
        return slot(bottom() - 1).load(std::memory_order_relaxed) == &item;  // the owner's own
    }

protected:
    static constexpr auto capacity = static_cast<std::int64_t>(Capacity);
    static constexpr std::size_t line = 128;  // two cache lines: the prefetcher takes them in pairs

    [[nodiscard]] auto& slot(std::int64_t index) noexcept {
        return slots_[static_cast<std::size_t>(index) & (Capacity - 1)];
    }

    alignas(line) typename Sync::template atomic<std::int64_t> top_{0};
    alignas(line) typename Sync::template atomic<std::int64_t> bottom_{0};
    std::int64_t top_seen_ = 0;  // the owner's: not later than top

private:
    std::array<typename Sync::template atomic<T*>, Capacity> slots_{};
};

}  // namespace gatherd::executor
