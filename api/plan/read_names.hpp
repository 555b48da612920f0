/// \file
/// From JSON to nodes: the kinds that give names or use them, let, try and ref.
#pragma once

#include "api/plan/members.hpp"
#include "api/plan/names_in_force.hpp"
#include "api/plan/node.hpp"
#include "api/plan/plan_builder.hpp"
#include "api/protocol/json_view.hpp"

namespace gatherd::api::plan {

/// `own`: what the member ref is.
[[nodiscard]] const node& read_ref(plan_builder& b, protocol::json_view own, const node& where,
                                   const names_in_force* names);

/// Each task of a let sees the names of those before it, the body all.
[[nodiscard]] const node& read_let(plan_builder& b, const members& m, const node& where, const names_in_force* names);

/// The name of the error is in force in except only.
[[nodiscard]] const node& read_try(plan_builder& b, const members& m, const node& where, const names_in_force* names);

}  // namespace gatherd::api::plan
