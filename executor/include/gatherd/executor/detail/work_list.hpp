/// \file
/// A list of work: first in, first out, but for what goes before all others.
#pragma once

#include <cstddef>

#include "gatherd/executor/work.hpp"

namespace gatherd::executor {

/// Intrusive. An item is in one list at a time, and lives until it is taken.
///
/// Threads: none of its own; those that share it need a lock.
class work_list {
public:
    [[nodiscard]] bool empty() const noexcept { return first_ == nullptr; }
    [[nodiscard]] std::size_t size() const noexcept { return size_; }

    void push(work& item) noexcept {
        item.next = nullptr;
        (last_ != nullptr ? last_->next : first_) = &item;
        last_ = &item;
        ++size_;
    }

    void push_first(work& item) noexcept {
        item.next = first_;
        first_ = &item;
        last_ = last_ != nullptr ? last_ : &item;
        ++size_;
    }

    /// The first of a list that is not empty.
    [[nodiscard]] work& pop() noexcept {
        work& item = *first_;
        first_ = item.next;
        if (first_ == nullptr) {
            last_ = nullptr;
        }
        --size_;
        return item;
    }

    /// Moves all of another list to the end of this one.
    void append(work_list& others) noexcept {
        if (others.empty()) {
            return;
        }
        (last_ != nullptr ? last_->next : first_) = others.first_;
        last_ = others.last_;
        size_ += others.size_;
        others = work_list{};
    }

private:
    work* first_ = nullptr;
    work* last_ = nullptr;
    std::size_t size_ = 0;
};

}  // namespace gatherd::executor
