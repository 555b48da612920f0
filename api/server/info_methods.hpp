/// \file
/// The methods that tell about the service: functions, stats, info, ping.
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

}  // namespace gatherd::api::server
