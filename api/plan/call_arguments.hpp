/// \file
/// Binding arguments to parameters, by Python's rules.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "api/plan/function.hpp"
#include "api/value.hpp"

namespace gatherd::api::plan {

/// Why arguments do not fit, as Python says it: "missing a required argument: 'b'".
struct misfit {
    std::string why;
};

/// For each argument given, in order, the index of the parameter slot that takes it; and how many slots there are.
struct binding {
    std::vector<std::size_t> slots;
    std::size_t count = 0;
};

/// How many slots so many arguments by position fill, defaults included; nothing where they do not fit.
[[nodiscard]] std::optional<std::size_t> slots_by_position(const function& callee, std::size_t given) noexcept;

/// Binds `given` arguments by position.
[[nodiscard]] std::variant<binding, misfit> bind_positions(const function& callee, std::size_t given);

/// Binds arguments by name.
[[nodiscard]] std::variant<binding, misfit> bind_names(const function& callee,
                                                       const std::vector<std::string_view>& names);

/// Binds args that were computed: a list or an object. Throws `raised` TypeError, as the call would in Python.
[[nodiscard]] std::vector<value> bind_value(const function& callee, value args);

}  // namespace gatherd::api::plan
