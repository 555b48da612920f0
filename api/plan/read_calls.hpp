/// \file
/// From JSON to nodes: the kinds that call a function, call and map.
///
/// Here and in its neighbours `where` stands where the new node is to stand, and `names` is what refs may name, or
/// null. All throw `refused`.
#pragma once

#include <optional>

#include "api/plan/members.hpp"
#include "api/plan/names_in_force.hpp"
#include "api/plan/node.hpp"
#include "api/plan/plan_builder.hpp"
#include "api/protocol/json_view.hpp"

namespace gatherd::api::plan {

[[nodiscard]] const node& read_call(plan_builder& b, const members& m, const node& where, const names_in_force* names);

[[nodiscard]] const node& read_map(plan_builder& b, const members& m, const node& where, const names_in_force* names);

/// The arguments of a call whose callee is known, and what follows from them: whether it is instant, or a sleep.
/// Without `args` it has none but defaults.
void read_call_arguments(plan_builder& b, call_node& n, const std::optional<protocol::json_view>& args,
                         const names_in_force* names);

/// The argument lists of a map whose callee and over_step are known; as above of all its items. Each is a task.
void read_over(plan_builder& b, map_node& n, protocol::json_view over, const names_in_force* names);

}  // namespace gatherd::api::plan
