/// \file
/// Calling a function of the registry: on a worker, or on a pool.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "api/plan/evaluate/child_tasks.hpp"
#include "api/plan/model/node.hpp"
#include "gatherd/executor/errors.hpp"
#include "gatherd/executor/task.hpp"

namespace gatherd::api::plan {

class program;

/// One call of a plan.
struct call_site {
    const function& callee;
    const call_arguments& arguments;
};

/// The call that a call node is, or an item of a map.
[[nodiscard]] call_site call_at(place where);

/// Whether all that it does is to sleep, and its arguments are those of the plan.
[[nodiscard]] bool sleeps_only(place where);

/// Runs the awaits in the arguments of the call at `where`, then its function where that belongs. `on_thread`: as
/// to_thread, on the blocking pool. Never raises.
[[nodiscard]] executor::task<outcome> evaluate_call(place where, environment_ptr names, program& p,
                                                    bool on_thread = false);

/// Runs a function now. `steps`: what it takes of a worker's turn. Never raises.
[[nodiscard]] outcome call_now(const function& callee, arguments bound, place where, program& p, std::size_t steps);

/// The same with args that were computed, bound now: of the call at `where`, or of the item of a map. Nothing: with
/// them it is no worker's work, and has to be run by evaluate_call or evaluate_computed_call.
[[nodiscard]] std::optional<outcome> call_computed_now(place where, value args, program& p);

/// Runs an item of a map of a function whose args were computed, where that belongs. Never raises.
[[nodiscard]] executor::task<outcome> evaluate_computed_call(place where, std::shared_ptr<const value> args,
                                                             program& p);

/// Puts what a task gave into its place in the argument that it is a part of.
void fill_part(value& argument, const awaited_part& part, value result);

/// Whether a value is so large that an evaluation which handles some hundred of them at once should not.
[[nodiscard]] bool is_more_than_a_step(const value& v) noexcept;

/// The same outside a program, and appends its result as JSON text. Where it fails, gives the failure, and the text is
/// as it was.
[[nodiscard]] failure_ptr append_call(std::string& text, const function& callee, arguments bound, place where,
                                      call_context& context);

/// Whether a call that has not succeeded has waited: of a function that waits, unless its arguments were refused.
[[nodiscard]] bool has_waited(const call_node& n);

/// The exception that is being handled, as a failure.
[[nodiscard]] failure_ptr handled(place where);

/// The failure that a cancelled wait is.
[[nodiscard]] outcome cancelled_at(place where, const executor::cancelled_error& cause);

/// Whether a value is nested deeper than that. Results of refs are looked at: they are what could nest without end.
[[nodiscard]] bool is_deeper_than(const value& v, std::size_t max_depth);

}  // namespace gatherd::api::plan
