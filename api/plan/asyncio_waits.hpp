/// \file
/// Whether asyncio would have waited.
#pragma once

#include "api/plan/node.hpp"

namespace gatherd::api::plan {

/// Whether a coroutine of asyncio would have waited while it evaluated the body of a let to its end: then the let's
/// tasks, created before, have begun. Here children may run in place, and nobody has waited for them. Where the answer
/// depends on what else has run, it is false.
///
/// Cost: linear in what of the body runs one after the other; children of a gather are not looked at.
[[nodiscard]] bool waits_in_asyncio(const let_node& of, bool body_has_succeeded);

}  // namespace gatherd::api::plan
