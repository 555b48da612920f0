/// \file
/// The arguments that a function gets.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <span>

#include <nlohmann/json.hpp>

#include "gatherd/api/value.hpp"

namespace gatherd::api {

/// Arguments bound to parameters: one for each in order, defaults filled in; a variadic one's are spread at the end.
///
/// A view, as std::span is: of values that stand side by side, or of pointers to values that stand anywhere, so that
/// one large value can be an argument of many calls without a copy for each. Small enough for two registers.
class arguments {
public:
    class iterator;

    arguments() noexcept = default;
    arguments(const value* first, std::size_t size) noexcept : at_{first}, size_{static_cast<std::uint32_t>(size)} {}
    /// Of what has its values side by side, as a vector or a span has.
    template <typename Values>
    requires requires(const Values& values) {
        { values.data() } -> std::convertible_to<const value*>;
    }
    arguments(const Values& values) noexcept : arguments{values.data(), values.size()} {}  // NOLINT
    explicit arguments(std::span<const value* const> places) noexcept
        : at_{places.data()}, size_{static_cast<std::uint32_t>(places.size())}, are_places_{true} {}

    [[nodiscard]] const value& operator[](std::size_t i) const noexcept {
        return are_places_ ? *static_cast<const value* const*>(at_)[i] : static_cast<const value*>(at_)[i];
    }
    [[nodiscard]] std::size_t size() const noexcept { return size_; }
    [[nodiscard]] bool empty() const noexcept { return size_ == 0; }
    [[nodiscard]] iterator begin() const noexcept;
    [[nodiscard]] iterator end() const noexcept;

    /// All but so many at the start.
    [[nodiscard]] arguments without_first(std::size_t count) const noexcept {
        return are_places_ ? arguments{std::span{static_cast<const value* const*>(at_), size_}.subspan(count)}
                           : arguments{std::span{static_cast<const value*>(at_), size_}.subspan(count)};
    }

private:
    const void* at_ = nullptr;  // values, or pointers to them
    std::uint32_t size_ = 0;
    bool are_places_ = false;
};

class arguments::iterator {
public:
    using iterator_category = std::forward_iterator_tag;
    using value_type = value;
    using difference_type = std::ptrdiff_t;
    using pointer = const value*;
    using reference = const value&;

    iterator() noexcept = default;
    iterator(const arguments& viewed, std::size_t index) noexcept : viewed_{viewed}, index_{index} {}

    reference operator*() const noexcept { return viewed_[index_]; }
    pointer operator->() const noexcept { return &viewed_[index_]; }
    iterator& operator++() noexcept {
        ++index_;
        return *this;
    }
    iterator operator++(int) noexcept {
        const iterator before = *this;
        ++index_;
        return before;
    }
    friend bool operator==(const iterator& a, const iterator& b) noexcept { return a.index_ == b.index_; }

private:
    arguments viewed_{};
    std::size_t index_ = 0;
};

inline arguments::iterator arguments::begin() const noexcept {
    return {*this, 0};
}

inline arguments::iterator arguments::end() const noexcept {
    return {*this, size_};
}

}  // namespace gatherd::api
