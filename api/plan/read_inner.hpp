/// \file
/// From JSON to nodes: the kinds that have one task in them, wait_for, shield, to_thread and retry.
#pragma once

#include "api/plan/members.hpp"
#include "api/plan/names_in_force.hpp"
#include "api/plan/node.hpp"
#include "api/plan/plan_builder.hpp"

namespace gatherd::api::plan {

/// Of the kind `is`: any but retry.
[[nodiscard]] const node& read_inner(plan_builder& b, kind is, const members& m, const node& where,
                                     const names_in_force* names);

[[nodiscard]] const node& read_retry(plan_builder& b, const members& m, const node& where, const names_in_force* names);

}  // namespace gatherd::api::plan
