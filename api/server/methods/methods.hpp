/// \file
/// The methods of the service, by name.
#pragma once

#include <chrono>
#include <optional>
#include <string_view>
#include <vector>

#include "api/protocol/message.hpp"
#include "api/server/methods/reply.hpp"

namespace gatherd::api::server {

class service;

/// The methods' names, in the order in which counters::add_method counts them; one more index is for all other names.
[[nodiscard]] std::vector<std::string_view> method_names();

/// Carries out one request: the reply comes now or later. Where the connection handles its messages. Never throws for
/// what a client sent.
/// `waits_until`: it has waited for a pool to serve, and may do so until then.
void call_method(service& server, const protocol::request& request, reply answer,
                 std::optional<std::chrono::steady_clock::time_point> waits_until = std::nullopt);

}  // namespace gatherd::api::server
