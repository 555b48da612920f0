/// \file
/// A queue whose newest item is next: asyncio.LifoQueue.
#pragma once

#include <utility>
#include <vector>

#include "gatherd/executor/queue.hpp"

namespace gatherd::executor {

/// Last in, first out.
template <typename T>
class lifo_items {
public:
    using value_type = T;

    void push(T item) { items_.push_back(std::move(item)); }
    [[nodiscard]] T pop() noexcept {
        T last = std::move(items_.back());
        items_.pop_back();
        return last;
    }

private:
    std::vector<T> items_;
};

template <typename T>
using lifo_queue = basic_queue<lifo_items<T>>;

}  // namespace gatherd::executor
