/// \file
/// Evaluating a task that cannot wait without a coroutine, for items by the million.
#pragma once

#include <optional>

#include "api/plan/evaluate/child_tasks.hpp"
#include "api/plan/model/failure.hpp"
#include "api/plan/model/node.hpp"
#include "gatherd/api/value.hpp"

namespace gatherd::api::plan {

class program;

/// A name in force where a task is evaluated in place, and those around it.
///
/// Lifetime: on the stack of who evaluates.
struct direct_scope {
    const value& named;
    const direct_scope* outer;      ///< or null: then those of `beyond`
    const environment_ptr& beyond;  ///< around all of them
};

/// Evaluates a node that is_direct, at once. Nothing: a value has turned out to be so large that it would hold up the
/// worker, and the node has to be evaluated as a coroutine; what has run of it until then had no effect.
[[nodiscard]] std::optional<outcome> evaluate_direct(const node& n, const direct_scope& names, program& p);

}  // namespace gatherd::api::plan
