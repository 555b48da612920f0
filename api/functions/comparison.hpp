/// \file
/// Python's == and < of JSON values.
#pragma once

#include <cstdint>

#include "gatherd/api/value.hpp"

namespace gatherd::api::functions {

/// How one value stands to another.
enum class order : std::uint8_t { less, equal, greater, none };

/// A comparison, and of values that differ without an order the innermost pair that has none.
struct comparison {
    order is;
    const value* left = nullptr;
    const value* right = nullptr;
};

/// Compares as Python does: true is 1, 1 is 1.0 and exactly so, texts go by code points, lists item by item; objects
/// are equal or not, whatever the order of their members. Cost: linear; of objects n log n.
[[nodiscard]] comparison compare(const value& a, const value& b);

/// The same for <, which of two nulls or two objects does not say that they are equal: they have no order.
[[nodiscard]] comparison compare_for_order(const value& a, const value& b);

[[nodiscard]] inline bool are_equal(const value& a, const value& b) {
    return compare(a, b).is == order::equal;
}

}  // namespace gatherd::api::functions
