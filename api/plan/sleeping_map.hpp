/// \file
/// A map of `sleep`: any number of children in one coroutine.
#pragma once

#include "api/plan/failure.hpp"
#include "api/plan/node.hpp"
#include "executor/task.hpp"

namespace gatherd::api::plan {

class program;

/// Whether evaluate_sleeping_map can evaluate it: its function only sleeps, and no task stands in its arguments. Nobody
/// can name the children of a map, so nobody sees whether each of them is a task.
[[nodiscard]] bool is_sleeping_map(const map_node& n) noexcept;

/// `await asyncio.gather(*[sleep(*args) for args in over], return_exceptions=...)`, each child inside a semaphore where
/// there is a limit. What a child costs is its place in a heap of deadlines, 16 bytes, and a share of a timer; a
/// million of them in tasks of their own would cost a gigabyte. Not for a seeded program, in which each child takes its
/// turn.
///
/// Never raises. `n` and `p` outlive it.
[[nodiscard]] executor::task<outcome> evaluate_sleeping_map(const map_node& n, program& p);

}  // namespace gatherd::api::plan
