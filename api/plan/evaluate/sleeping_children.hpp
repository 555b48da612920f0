/// \file
/// Children of a gather or map that only sleep: any number of them in one coroutine.
#pragma once

#include "api/plan/evaluate/child_list.hpp"
#include "api/plan/model/failure.hpp"
#include "gatherd/executor/task.hpp"

namespace gatherd::api::plan {

class program;

/// Sleeps for all children of `of` that are calls of nothing but sleep, as their own tasks would, inside a semaphore
/// where there is a limit; ends with null when the last of them has ended. What each of them gives, child_list::slept
/// knows. Nobody can name a child of a gather, so nobody sees whether each of them is a task. What a child costs is its
/// place in a heap of deadlines, 16 bytes, and a share of a timer; a million of them in tasks of their own would cost a
/// gigabyte. Not for a seeded program, in which each child takes its turn.
///
/// Cancelled, it gives the CancelledError of the first child that was left. `is_watched`: the observer of `p` is told
/// of each child's end. Never raises. What `of` refers to and `p` outlive it.
[[nodiscard]] executor::task<outcome> sleep_for_children(child_list of, program& p, bool is_watched);

}  // namespace gatherd::api::plan
