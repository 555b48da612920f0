/// \file
/// When children end, earliest first.
#pragma once

#include <algorithm>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <iterator>
#include <utility>
#include <vector>

#include "gatherd/executor/detail/timer_wheel.hpp"

namespace gatherd::api::plan {

/// A priority queue for many that are added before the first is taken: those are sorted once, and what is added later
/// goes into a heap beside them until it is as many. Taking from a heap of a million costs 0.8 us, each level being a
/// line that is not in the cache; from the sorted ones nothing, after 0.2 us for the sorting. 16 bytes each.
class deadlines {
public:
    struct entry {
        executor::clock::time_point when;
        std::uint32_t child;  ///< of equal times the first child's comes first

        [[nodiscard]] auto operator<=>(const entry&) const = default;
    };

    /// Room for as many as there will be at a time.
    void reserve(std::size_t count) { added_.reserve(count); }

    [[nodiscard]] std::size_t size() const noexcept { return sorted_.size() + added_.size(); }
    [[nodiscard]] bool empty() const noexcept { return size() == 0; }

    void add(entry one) {
        added_.push_back(one);
        std::push_heap(added_.begin(), added_.end(), std::greater<>{});
    }

    /// Says that no more will be added for a while. In all it costs what sorting costs.
    void settle() {
        constexpr std::size_t few = 256;  // a heap of so many is as quick
        if (added_.size() <= few || added_.size() < sorted_.size()) {
            return;
        }
        if (sorted_.empty()) {
            sorted_.swap(added_);
        } else {
            sorted_.insert(sorted_.end(), added_.begin(), added_.end());
            added_.clear();
        }
        std::sort(sorted_.begin(), sorted_.end(), std::greater<>{});
    }

    /// The earliest. Only where there is one.
    [[nodiscard]] const entry& next() const noexcept { return next_is_sorted() ? sorted_.back() : added_.front(); }
    void pop() {
        if (next_is_sorted()) {
            sorted_.pop_back();
        } else {
            std::pop_heap(added_.begin(), added_.end(), std::greater<>{});
            added_.pop_back();
        }
    }

    /// All, in no order; none are left.
    [[nodiscard]] std::vector<entry> take_all() {
        std::vector<entry> all = std::exchange(sorted_, {});
        all.insert(all.end(), added_.begin(), added_.end());
        added_.clear();
        return all;
    }

private:
    [[nodiscard]] bool next_is_sorted() const noexcept {
        return added_.empty() || (!sorted_.empty() && sorted_.back() < added_.front());
    }

    std::vector<entry> sorted_;  // the earliest at the end
    std::vector<entry> added_;   // a heap, the earliest in front
};

}  // namespace gatherd::api::plan
