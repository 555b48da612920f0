#include "api/functions/comparison.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "api/functions/python_value.hpp"

namespace gatherd::api::functions {

namespace {

template <typename T>
order order_of(const T& a, const T& b) {
    return a < b ? order::less : b < a ? order::greater : order::equal;
}

order reversed(order o) {
    return o == order::less ? order::greater : o == order::greater ? order::less : o;
}

/// An integer of 64 bits and a double, without rounding. Nothing is less than a nan, nor it than anything.
order order_of_mixed(int128 exact, double rounded) {
    constexpr double beyond_any = 0x1p100;
    if (std::isnan(rounded)) {
        return order::equal;
    }
    if (std::fabs(rounded) > beyond_any) {
        return rounded > 0 ? order::less : order::greater;
    }
    const double whole = std::trunc(rounded);
    const order of_whole = order_of(exact, static_cast<int128>(whole));
    return of_whole != order::equal ? of_whole : order_of(0.0, rounded - whole);
}

order order_of_numbers(const value& a, const value& b) {
    if (a.is_number_float()) {
        return b.is_number_float() ? order_of(float_of(a), float_of(b))
                                   : reversed(order_of_mixed(int_of(b), float_of(a)));
    }
    return b.is_number_float() ? order_of_mixed(int_of(a), float_of(b)) : order_of(int_of(a), int_of(b));
}

using object_member = std::pair<const std::string, value>;

std::vector<const object_member*> sorted_members(const value& object) {
    std::vector<const object_member*> sorted;
    for (const object_member& each : object.get_ref<const value::object_t&>()) {
        sorted.push_back(&each);
    }
    std::sort(sorted.begin(), sorted.end(),
              [](const object_member* a, const object_member* b) { return a->first < b->first; });
    return sorted;
}

bool are_equal_objects(const value& a, const value& b) {
    if (a.size() != b.size()) {
        return false;
    }
    const auto left = sorted_members(a);
    const auto right = sorted_members(b);
    return std::equal(left.begin(), left.end(), right.begin(),
                      [](const object_member* one, const object_member* other) {
                          return one->first == other->first && are_equal(one->second, other->second);
                      });
}

comparison compare_lists(const value& a, const value& b) {
    const auto shorter = std::min(a.size(), b.size());
    for (std::size_t i = 0; i < shorter; ++i) {
        if (const comparison c = compare(a[i], b[i]); c.is != order::equal) {
            return c;
        }
    }
    return {order_of(a.size(), b.size())};
}

}  // namespace

comparison compare(const value& a, const value& b) {
    if (is_number(a) && is_number(b)) {
        return {order_of_numbers(a, b)};
    }
    if (a.is_string() && b.is_string()) {
        return {order_of(a.get_ref<const std::string&>(), b.get_ref<const std::string&>())};
    }
    if (a.is_array() && b.is_array()) {
        return compare_lists(a, b);
    }
    if ((a.is_null() && b.is_null()) || (a.is_object() && b.is_object() && are_equal_objects(a, b))) {
        return {order::equal};
    }
    return {order::none, &a, &b};
}

comparison compare_for_order(const value& a, const value& b) {
    return a.is_null() || a.is_object() ? comparison{order::none, &a, &b} : compare(a, b);
}

}  // namespace gatherd::api::functions
