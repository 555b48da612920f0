/// \file
/// From JSON to a node: any kind of TASK. What each kind takes is in read_calls, read_lists, read_inner and read_names.
#pragma once

#include "api/plan/names_in_force.hpp"
#include "api/plan/node.hpp"
#include "api/plan/plan_builder.hpp"
#include "api/protocol/json_view.hpp"

namespace gatherd::api::plan {

/// Reads a TASK, with all the tasks in it, into a node that stands at `where`. `names`: what its refs may name, or
/// null. Throws `refused`. Cost: linear in its text.
[[nodiscard]] const node& read_task(plan_builder& b, protocol::json_view task, const branch& where,
                                    const names_in_force* names);

}  // namespace gatherd::api::plan
