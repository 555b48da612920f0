/// \file
/// A value or the reason why there is none, for faults of the client: they never throw.
#pragma once

#include <type_traits>
#include <utility>
#include <variant>

#include "api/error.hpp"

namespace gatherd::api {

/// Holds a T, or the error that explains its absence. Reading the wrong one is a bug of the caller.
template <typename T>
class [[nodiscard]] result {
public:
    /// A T made in place, to be filled in: for what is too large to be moved in.
    result() requires std::is_default_constructible_v<T>
    = default;

    result(T present) : outcome_{std::in_place_index<0>, std::move(present)} {}
    result(error reason) : outcome_{std::in_place_index<1>, std::move(reason)} {}

    [[nodiscard]] bool has_value() const noexcept { return outcome_.index() == 0; }
    explicit operator bool() const noexcept { return has_value(); }

    [[nodiscard]] T& operator*() & { return *std::get_if<0>(&outcome_); }
    [[nodiscard]] const T& operator*() const& { return *std::get_if<0>(&outcome_); }
    [[nodiscard]] T&& operator*() && { return std::move(*std::get_if<0>(&outcome_)); }
    [[nodiscard]] T* operator->() { return std::get_if<0>(&outcome_); }
    [[nodiscard]] const T* operator->() const { return std::get_if<0>(&outcome_); }

    [[nodiscard]] error& reason() & { return *std::get_if<1>(&outcome_); }
    [[nodiscard]] const error& reason() const& { return *std::get_if<1>(&outcome_); }
    [[nodiscard]] error&& reason() && { return std::move(*std::get_if<1>(&outcome_)); }

private:
    std::variant<T, error> outcome_;
};

}  // namespace gatherd::api
