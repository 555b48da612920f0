/// \file
/// Calling a function of the registry: on a worker, or on a pool.
#pragma once

#include <chrono>
#include <span>
#include <string>

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

/// Runs the awaits in the arguments of the call at `where`, then its function where that belongs. `on_thread`: as
/// to_thread, on the blocking pool. Never raises.
[[nodiscard]] executor::task<outcome> evaluate_call(place where, environment_ptr names, program& p,
                                                    bool on_thread = false);

/// Runs a function that may run on a worker, now. Never raises.
[[nodiscard]] outcome call_now(const function& callee, arguments bound, place where, program& p);

/// The same outside a program, and appends its result as JSON text. Where it fails, gives the failure, and the text is
/// as it was.
[[nodiscard]] failure_ptr append_call(std::string& text, const function& callee, arguments bound, place where,
                                      call_context& context);

/// Whether a call that has not succeeded has waited: of a function that waits, unless its arguments were refused.
[[nodiscard]] bool has_waited(const call_node& n);

/// The failure that a cancelled wait is.
[[nodiscard]] outcome cancelled_at(place where, const executor::cancelled_error& cause);

/// How a value stands to the limits of nesting and size. Results of refs are looked at: they are what could nest, or
/// double, without end. `bytes`: how many it has, about, where it fits.
enum class measure { fits, too_deep, too_large };
[[nodiscard]] measure measure_of(const value& v, std::size_t max_depth, std::size_t max_bytes, std::size_t& bytes);

}  // namespace gatherd::api::plan
