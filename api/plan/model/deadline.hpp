/// \file
/// By when a call has to end, as far as the plan around it says.
#pragma once

#include <chrono>
#include <optional>

#include "gatherd/executor/context_var.hpp"

namespace gatherd::api::plan {

using deadline_time = std::chrono::steady_clock::time_point;

/// The least deadline of the wait_for around the running task; none: there is no such, or a shield lies between. Kept
/// only in plans that call workers, which tell a call how long it may take.
inline const executor::context_var<std::optional<deadline_time>> deadline_around{"deadline_around"};
using deadline_setter = executor::context_var<std::optional<deadline_time>>::setter;

}  // namespace gatherd::api::plan
