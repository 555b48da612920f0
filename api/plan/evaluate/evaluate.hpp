/// \file
/// Any kind of TASK as a coroutine of the executor. The Python that a kind stands for is written above its function.
#pragma once

#include <cstdint>
#include <string>

#include "api/plan/evaluate/child_list.hpp"
#include "api/plan/evaluate/child_tasks.hpp"
#include "api/plan/model/failure.hpp"
#include "api/plan/model/node.hpp"
#include "gatherd/executor/task.hpp"

namespace gatherd::api::plan {

class call_context;
class program;

/// Evaluates a node inside a task of the program. Never raises: a cancellation too is a failure that it returns.
/// `n` and `p` outlive it. `item`: of the map whose task the node is.
[[nodiscard]] executor::task<outcome> evaluate(const node& n, environment_ptr names, program& p,
                                               std::uint32_t item = place::no_item);

/// Evaluates a node that is_instant, at once.
[[nodiscard]] outcome evaluate_instant(const node& n, program& p);

/// The same of a node that has its record, or is not to have one.
[[nodiscard]] outcome instant_outcome(const node& n, program& p);

/// Evaluates a node that is_instant, at once and outside a program, and appends its result as JSON text; no value is
/// kept. Where it fails, gives the failure, and the text is as it was.
[[nodiscard]] failure_ptr append_instant(std::string& text, const node& n, call_context& context);

/// `await asyncio.gather(*children, return_exceptions=...)`, each child inside a semaphore where there is a limit.
///
/// A child that cannot wait is evaluated on the spot instead of in a task of its own; not in a seeded program, whose
/// tasks take turns exactly as asyncio's do.
[[nodiscard]] executor::task<outcome> evaluate_gather(const node& n, environment_ptr names, program& p);

/// The same of children that are known.
[[nodiscard]] executor::task<outcome> gather_children(child_list children, environment_ptr names, program& p);

/// `await asyncio.gather(*(task(item) for item in over))`, or of a function's calls. A list that stands in the plan, or
/// the one that a task gives; the items are counted when they are known.
[[nodiscard]] executor::task<outcome> evaluate_map(const map_node& n, environment_ptr names, program& p);

/// The same, and sequence, of children that cannot wait: at once.
[[nodiscard]] outcome gather_instant(const node& n, program& p);

/// As gather_instant, as append_instant: all children of a gather or map run, those of a sequence up to the first that
/// fails.
[[nodiscard]] failure_ptr append_gather_instant(std::string& text, const node& n, call_context& context);

/// Whether all workers should evaluate these children: all are instant or direct, so many that waking another worker
/// pays, and none prints, since lines are to come in the order of the children.
[[nodiscard]] bool are_worth_sharing(const child_list& children) noexcept;

/// Evaluates them all and gives what their gather gives: the list of their results, or the failure of the first one in
/// the list that failed. A task a worker takes a row of children at a time, until there are none left.
[[nodiscard]] executor::task<outcome> evaluate_shared(child_list list, environment_ptr names, program& p);

/// `async with asyncio.TaskGroup() as tg: ...`, then the results: CPython's asyncio/taskgroups.py, with the parent
/// waiting in __aexit__ from the beginning.
[[nodiscard]] executor::task<outcome> evaluate_task_group(const list_node& n, environment_ptr names, program& p);

/// `done, _ = await asyncio.wait(tasks, return_when=FIRST_COMPLETED)`; `finally`: cancel all and await them.
[[nodiscard]] executor::task<outcome> evaluate_race(const list_node& n, environment_ptr names, program& p);

/// The first child that succeeds: the others are cancelled and awaited. If none does, an ExceptionGroup of all
/// failures.
[[nodiscard]] executor::task<outcome> evaluate_any(const any_node& n, environment_ptr names, program& p);

/// `done, pending = await asyncio.wait(tasks, timeout=..., return_when=...)`
[[nodiscard]] executor::task<outcome> evaluate_wait(const wait_node& n, environment_ptr names, program& p);

/// `[await child for child in children]`
[[nodiscard]] executor::task<outcome> evaluate_sequence(const list_node& n, environment_ptr names, program& p);

/// The ExceptionGroup that a node fails with. If a description of it would be longer than limits.result_bytes, which
/// names that stand for one failure can bring about with few words, the program ends instead.
[[nodiscard]] outcome raise_group(std::string message, place where, std::vector<failure_ptr> errors, program& p);

/// `await asyncio.wait_for(task, timeout)`
[[nodiscard]] executor::task<outcome> evaluate_wait_for(const inner_node& n, environment_ptr names, program& p);

/// `await asyncio.shield(task)`
[[nodiscard]] executor::task<outcome> evaluate_shield(const inner_node& n, environment_ptr names, program& p);

/// `await name`. `shared`: who takes a large result as what all its readers share gets it there, and null as the
/// result.
[[nodiscard]] executor::task<outcome> evaluate_ref(const ref_node& n, environment_ptr names, program& p,
                                                   std::shared_ptr<const value>* shared = nullptr);

/// `create_task` for each name in order, then the body; `finally`: cancel those that still run and await them.
[[nodiscard]] executor::task<outcome> evaluate_let(const let_node& n, environment_ptr names, program& p);

/// `then if condition else otherwise`
[[nodiscard]] executor::task<outcome> evaluate_if(const if_node& n, environment_ptr names, program& p);

/// Whether the `except` of a try catches a failure of its body.
[[nodiscard]] bool catches(const try_node& n, const failure& f);

/// `try: ... except types as name: ... finally: ...`
[[nodiscard]] executor::task<outcome> evaluate_try(const try_node& n, environment_ptr names, program& p);

/// `for attempt in range(attempts): try: return await inner`, with a sleep between.
[[nodiscard]] executor::task<outcome> evaluate_retry(const retry_node& n, environment_ptr names, program& p);

}  // namespace gatherd::api::plan
