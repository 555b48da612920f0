/// \file
/// From JSON to nodes: the kinds that are lists of tasks, gather, task_group, race, sequence and wait.
#pragma once

#include <string_view>

#include "api/plan/members.hpp"
#include "api/plan/names_in_force.hpp"
#include "api/plan/node.hpp"
#include "api/plan/plan_builder.hpp"
#include "api/protocol/json_view.hpp"

namespace gatherd::api::plan {

/// Of the kind `is`: any but wait.
[[nodiscard]] const node& read_list(plan_builder& b, kind is, const members& m, const node& where,
                                    const names_in_force* names);

[[nodiscard]] const node& read_wait(plan_builder& b, const members& m, const node& where, const names_in_force* names);

/// The children of a list, which is an array; `step`: how their paths go on. It is instant when all of them are.
void read_children(plan_builder& b, list_node& n, protocol::json_view list, std::string_view step,
                   const names_in_force* names);

}  // namespace gatherd::api::plan
