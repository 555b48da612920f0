/// \file
/// Tasks in the arguments of a call: `{"await": TASK}`, at any depth.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "api/plan/names_in_force.hpp"
#include "api/plan/node.hpp"
#include "api/plan/plan_builder.hpp"
#include "api/protocol/json_view.hpp"
#include "api/value.hpp"

namespace gatherd::api::plan {

/// The TASK of `{"await": TASK}`, if it is that.
[[nodiscard]] std::optional<protocol::json_view> as_await(protocol::json_view from);

/// Whether there is one in it, or it is one. Cost: linear in its text.
[[nodiscard]] bool has_await(protocol::json_view from);

/// Reads such a TASK; `path`: of what holds it, from `at`.
[[nodiscard]] const node& read_await(plan_builder& b, protocol::json_view task, const node& at, const std::string& path,
                                     const names_in_force* names);

/// Which argument they are in, and what collects them.
struct await_site {
    const node& at;               ///< the call, or the map
    const names_in_force* names;  ///< what refs in them may name, or null
    std::uint32_t argument;       ///< as in `hole`
    std::vector<hole>& holes;
};

/// An argument that has tasks in it: they become holes, null for the time being. `path`: of it, from the site's node.
[[nodiscard]] value read_awaits(plan_builder& b, const await_site& site, protocol::json_view from,
                                const std::string& path);

}  // namespace gatherd::api::plan
