/// \file
/// From JSON to the arguments of a call, bound to its function's parameters.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "api/plan/function.hpp"
#include "api/plan/names_in_force.hpp"
#include "api/plan/node.hpp"
#include "api/plan/plan_builder.hpp"
#include "api/protocol/json_view.hpp"

namespace gatherd::api::plan {

/// How a path goes on below a node: made to a text only where there is a fault or a task to place.
struct step_below {
    std::string_view member;
    std::uint32_t item = place::no_item;

    [[nodiscard]] std::string text() const;
};

/// Whose arguments they are.
struct argument_site {
    const function& callee;
    const node& at;               ///< the call, or the map
    step_below below;             ///< from there: "/args", or one of "/over"
    const names_in_force* names;  ///< what refs in them may name, or null
};

/// Binds a list or an object; tasks in it are read, and their values left open. Refuses what does not fit.
[[nodiscard]] call_arguments read_arguments(plan_builder& b, const argument_site& site, protocol::json_view args);

/// Binds nothing at all: defaults only. Refuses where one is missing.
[[nodiscard]] std::span<const value> default_arguments(plan_builder& b, const argument_site& site);

}  // namespace gatherd::api::plan
