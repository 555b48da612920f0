/// \file
/// The methods that run plans: run, gather, map, create_task.
#pragma once

#include <optional>

#include "api/json/json_view.hpp"
#include "api/server/reply.hpp"

namespace gatherd::api::server {

class service;

// Each reads its params, answers what is wrong with them, or starts the program that answers at its end.
void run(service& of, std::optional<json::json_view> params, reply answer);
void gather(service& of, std::optional<json::json_view> params, reply answer);
void map(service& of, std::optional<json::json_view> params, reply answer);
void create_task(service& of, std::optional<json::json_view> params, reply answer);

}  // namespace gatherd::api::server
