/// \file
/// Any kind of TASK as a coroutine of the executor. What each kind does is in gathering, grouping, wrapping and call.
#pragma once

#include <string>

#include "api/plan/environment.hpp"
#include "api/plan/failure.hpp"
#include "api/plan/node.hpp"
#include "gatherd/executor/task.hpp"

namespace gatherd::api::plan {

class program;

/// Evaluates a node inside a task of the program. Never raises: a cancellation too is a failure that it returns.
/// `n` and `p` outlive it. The Python that it stands for is written above each
/// kind.
[[nodiscard]] executor::task<outcome> evaluate(const node& n, environment_ptr names, program& p);

/// Evaluates a node that is_instant, at once.
[[nodiscard]] outcome evaluate_instant(const node& n, program& p);

/// Evaluates a node that is_instant, at once and outside a program, and appends its result as JSON text; no value is
/// kept. Where it fails, gives the failure, and the text is as it was.
[[nodiscard]] failure_ptr append_instant(std::string& text, const node& n, call_context& context);

}  // namespace gatherd::api::plan
