/// \file
/// Several tasks under other rules than gather's: task_group, race, wait.
#pragma once

#include "api/plan/environment.hpp"
#include "api/plan/failure.hpp"
#include "api/plan/node.hpp"
#include "gatherd/executor/task.hpp"

namespace gatherd::api::plan {

class program;

/// `async with asyncio.TaskGroup() as tg: ...`, then the results: CPython's asyncio/taskgroups.py, with the parent
/// waiting in __aexit__ from the beginning.
[[nodiscard]] executor::task<outcome> evaluate_task_group(const list_node& n, environment_ptr names, program& p);

/// `done, _ = await asyncio.wait(tasks, return_when=FIRST_COMPLETED)`; `finally`: cancel all and await them.
[[nodiscard]] executor::task<outcome> evaluate_race(const list_node& n, environment_ptr names, program& p);

/// `done, pending = await asyncio.wait(tasks, timeout=..., return_when=...)`
[[nodiscard]] executor::task<outcome> evaluate_wait(const wait_node& n, environment_ptr names, program& p);

}  // namespace gatherd::api::plan
