/// \file
/// The body of a function that workers serve.
#pragma once

#include <memory>
#include <string>

#include "api/plan/model/function.hpp"
#include "gatherd/executor/task.hpp"

namespace gatherd::api::workers {

class worker_table;

/// Has a worker carry out a call: waits for a place, sends it, awaits the answer. `given`: args whole, as the parameter
/// list of a served function says, or nothing.
///
/// A cancellation ends it when the worker has answered, with what it answered, or after workers.cancel_time, or when it
/// is cancelled again. If the worker is lost, an idempotent call is made again, three times in all, and another raises
/// ConnectionError; so does one for which nobody serves the function for workers.wait.
///
/// The table and the context outlive it. Throws what a function may throw.
[[nodiscard]] executor::task<value> call_worker(worker_table& table, std::shared_ptr<const std::string> name,
                                                plan::call_context& context, plan::arguments given);

}  // namespace gatherd::api::workers
