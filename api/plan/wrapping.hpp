/// \file
/// One task around another, or after another: sequence, wait_for, shield, ref, let, try, retry.
#pragma once

#include "api/plan/environment.hpp"
#include "api/plan/failure.hpp"
#include "api/plan/node.hpp"
#include "gatherd/executor/task.hpp"

namespace gatherd::api::plan {

class program;

/// `[await child for child in children]`
[[nodiscard]] executor::task<outcome> evaluate_sequence(const list_node& n, environment_ptr names, program& p);

/// `await asyncio.wait_for(task, timeout)`
[[nodiscard]] executor::task<outcome> evaluate_wait_for(const inner_node& n, environment_ptr names, program& p);

/// `await asyncio.shield(task)`
[[nodiscard]] executor::task<outcome> evaluate_shield(const inner_node& n, environment_ptr names, program& p);

/// `await name`
[[nodiscard]] executor::task<outcome> evaluate_ref(const ref_node& n, environment_ptr names, program& p);

/// `create_task` for each name in order, then the body; `finally`: cancel those that still run and await them.
[[nodiscard]] executor::task<outcome> evaluate_let(const let_node& n, environment_ptr names, program& p);

/// `try: ... except types as name: ... finally: ...`
[[nodiscard]] executor::task<outcome> evaluate_try(const try_node& n, environment_ptr names, program& p);

/// `for attempt in range(attempts): try: return await inner`, with a sleep between.
[[nodiscard]] executor::task<outcome> evaluate_retry(const retry_node& n, environment_ptr names, program& p);

}  // namespace gatherd::api::plan
