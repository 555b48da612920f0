/// \file
/// The methods of the service, by name.
#pragma once

#include <chrono>
#include <optional>
#include <string_view>
#include <vector>

#include "api/protocol/message.hpp"
#include "api/server/net/connection_table.hpp"
#include "api/server/net/reply.hpp"
#include "api/server/state/server_state.hpp"
#include "api/server/tasks/task_table.hpp"

namespace gatherd::api::server {

/// What the methods work on.
struct server_parts {
    server_state& state;
    task_table& tasks;
    connection_table& connections;
};

/// The methods' names, in the order in which counters::add_method counts them; one more index is for all other names.
[[nodiscard]] std::vector<std::string_view> method_names();

/// Carries out one request: the reply comes now or later. Where the connection handles its messages. Never throws for
/// what a client sent.
/// `waits_until`: it has waited for a pool to serve, and may do so until then. False: it was refused.
bool call_method(const server_parts& server, const protocol::request& request, reply answer,
                 std::optional<std::chrono::steady_clock::time_point> waits_until = std::nullopt);

}  // namespace gatherd::api::server
