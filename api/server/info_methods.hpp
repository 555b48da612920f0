/// \file
/// The methods about the service and the connection: functions, stats, info, ping, auth.
#pragma once

#include <optional>

#include "api/json/json_view.hpp"
#include "api/server/reply.hpp"

namespace gatherd::api::server {

class service;

void functions(service& of, std::optional<json::json_view> params, reply answer);
void stats(service& of, std::optional<json::json_view> params, reply answer);
void info(service& of, std::optional<json::json_view> params, reply answer);
void ping(service& of, std::optional<json::json_view> params, reply answer);
void auth(service& of, std::optional<json::json_view> params, reply answer);

}  // namespace gatherd::api::server
