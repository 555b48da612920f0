/// \file
/// The storage of the workers' queues: slots in a circle, and a larger circle when they run out.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "gatherd/executor/detail/std_sync.hpp"

namespace gatherd::executor {

/// Slots that one thread writes and many read, addressed by an index that only grows.
///
/// Invariant  a circle that was replaced lives until the end: who read its address may still read its slots
/// Edge       A  grow: circle store, release  ->  reader: circle load, acquire      the copied slots are visible
template <typename T, typename Sync>
class growing_ring {
public:
    using slot = typename Sync::template atomic<T*>;

    class circle {
    public:
        explicit circle(std::size_t size) : size_{size}, slots_{std::make_unique<slot[]>(size)} {}
        [[nodiscard]] std::size_t size() const noexcept { return size_; }
        [[nodiscard]] slot& at(std::int64_t index) const noexcept {
            return slots_[static_cast<std::size_t>(index) & (size_ - 1)];
        }

    private:
        std::size_t size_;
        std::unique_ptr<slot[]> slots_;
    };

    /// `capacity`: a power of two.
    explicit growing_ring(std::size_t capacity) {
        all_.push_back(std::make_unique<circle>(capacity));
        present_.store(all_.back().get(), std::memory_order_relaxed);  // no other thread yet
    }

    /// For the thread that writes.
    [[nodiscard]] const circle& own() const noexcept {
        return *present_.load(std::memory_order_relaxed);  // the owner's own
    }

    /// For the others: at least as new as the index that they read before.
    [[nodiscard]] const circle& seen() const noexcept {
        return *present_.load(std::memory_order_acquire);  // A
    }

    /// Takes a circle of twice the size, with what stands at [first, last). Owner only. Throws std::bad_alloc.
    void grow(std::int64_t first, std::int64_t last) {
        const circle& full = own();
        auto larger = std::make_unique<circle>(full.size() * 2);
        for (std::int64_t i = first; i < last; ++i) {
            larger->at(i).store(full.at(i).load(std::memory_order_relaxed), std::memory_order_relaxed);  // by A
        }
        all_.push_back(std::move(larger));
        present_.store(all_.back().get(), std::memory_order_release);  // A
    }

private:
    typename Sync::template atomic<circle*> present_{nullptr};
    std::vector<std::unique_ptr<circle>> all_;  // the owner's
};

}  // namespace gatherd::executor
