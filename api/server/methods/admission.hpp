/// \file
/// Whether there is room for a plan.
#pragma once

#include <optional>

#include "api/error.hpp"
#include "api/plan/model/plan.hpp"
#include "api/result.hpp"
#include "api/server/limits/task_allowance.hpp"

namespace gatherd::api::server {

class connection;
class server_state;

/// Why nothing that needs memory is begun for a client now: -32003 with the limit, or nothing. Asked before a plan is
/// read.
[[nodiscard]] std::optional<error> want_of_memory(server_state& state, connection& client);

/// Room for a plan's tasks until the allowance ends, or -32003 with the limit that it met. Counts the tasks as started.
[[nodiscard]] result<task_allowance> admit(server_state& state, connection& client, const plan::plan& source);

/// The same for a plan without a seed that will have ended before anybody could count it: why there is no room, or
/// nothing. Nothing is entered.
[[nodiscard]] std::optional<error> want_of_room(server_state& state, connection& client, const plan::plan& source);

}  // namespace gatherd::api::server
