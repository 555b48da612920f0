/// \file
/// Instant children of a large gather or map: shared among the workers.
#pragma once

#include "api/plan/failure.hpp"
#include "api/plan/family.hpp"
#include "gatherd/executor/task.hpp"

namespace gatherd::api::plan {

class program;

/// After so many instant children in a row whoever evaluates them lets others run: some tens of microseconds.
constexpr std::size_t children_in_a_row = 256;

/// Whether all workers should evaluate these children: all are instant, so many that waking another worker pays, and
/// none prints, since lines are to come in the order of the children.
[[nodiscard]] bool are_worth_sharing(const family& children) noexcept;

/// Evaluates them all and gives what their gather gives: the list of their results, or the failure of the first one in
/// the list that failed. A task a worker takes a row of children at a time, until there are none left.
[[nodiscard]] executor::task<outcome> evaluate_shared(family children, program& p);

}  // namespace gatherd::api::plan
