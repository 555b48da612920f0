/// \file
/// A queue whose lowest item is next: asyncio.PriorityQueue.
#pragma once

#include <algorithm>
#include <functional>
#include <utility>
#include <vector>

#include "gatherd/executor/queue.hpp"

namespace gatherd::executor {

/// The lowest first, as `Compare` sees it, which must not throw; equal ones in any order, as in a heap.
template <typename T, typename Compare = std::less<T>>
class sorted_items {
public:
    using value_type = T;

    explicit sorted_items(Compare lower = Compare{}) : lower_{std::move(lower)} {}

    void push(T item) {
        items_.push_back(std::move(item));
        std::push_heap(items_.begin(), items_.end(), higher());
    }
    [[nodiscard]] T pop() noexcept {
        std::pop_heap(items_.begin(), items_.end(), higher());
        T lowest = std::move(items_.back());
        items_.pop_back();
        return lowest;
    }

private:
    /// The standard's heaps have the highest on top.
    [[nodiscard]] auto higher() const noexcept {
        return [this](const T& a, const T& b) { return lower_(b, a); };
    }

    Compare lower_;
    std::vector<T> items_;
};

template <typename T, typename Compare = std::less<T>>
using priority_queue = basic_queue<sorted_items<T, Compare>>;

}  // namespace gatherd::executor
