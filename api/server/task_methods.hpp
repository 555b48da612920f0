/// \file
/// The methods about created tasks: await, wait, as_completed, cancel, status, tasks, forget.
#pragma once

#include <optional>

#include "api/json/json_view.hpp"
#include "api/server/reply.hpp"

namespace gatherd::api::server {

class service;

void await_tasks(service& of, std::optional<json::json_view> params, reply answer);
void wait(service& of, std::optional<json::json_view> params, reply answer);
void as_completed(service& of, std::optional<json::json_view> params, reply answer);
void cancel(service& of, std::optional<json::json_view> params, reply answer);
void status(service& of, std::optional<json::json_view> params, reply answer);
void tasks(service& of, std::optional<json::json_view> params, reply answer);
void forget(service& of, std::optional<json::json_view> params, reply answer);

}  // namespace gatherd::api::server
