/// \file
/// gather and map.
#pragma once

#include <string>

#include "api/plan/environment.hpp"
#include "api/plan/failure.hpp"
#include "api/plan/node.hpp"
#include "gatherd/executor/task.hpp"

namespace gatherd::api::plan {

class call_context;
class program;

/// `await asyncio.gather(*children, return_exceptions=...)`, each child inside a semaphore where there is a limit.
///
/// A child that cannot wait is evaluated on the spot instead of in a task of its own; not in a seeded program, whose
/// tasks take turns exactly as asyncio's do.
[[nodiscard]] executor::task<outcome> evaluate_gather(const node& n, environment_ptr names, program& p);

/// The same, and sequence, of children that cannot wait: at once.
[[nodiscard]] outcome gather_instant(const node& n, program& p);

/// As gather_instant, as append_instant: all children of a gather or map run, those of a sequence up to the first that
/// fails.
[[nodiscard]] failure_ptr append_gather_instant(std::string& text, const node& n, call_context& context);

}  // namespace gatherd::api::plan
