/// \file
/// The methods themselves. Each reads its params, then answers, or takes the reply for what answers later. Throws
/// `refused` before it has done either.
#pragma once

#include <optional>

#include "api/protocol/json_view.hpp"
#include "api/server/methods/reply.hpp"

namespace gatherd::api::server {

class service;

// run_methods.cpp: methods that run plans.
void run(service& of, std::optional<protocol::json_view> params, reply& answer);
void gather(service& of, std::optional<protocol::json_view> params, reply& answer);
void map(service& of, std::optional<protocol::json_view> params, reply& answer);
void create_task(service& of, std::optional<protocol::json_view> params, reply& answer);

// task_methods.cpp: methods about created tasks.
void await_tasks(service& of, std::optional<protocol::json_view> params, reply& answer);
void wait(service& of, std::optional<protocol::json_view> params, reply& answer);
void as_completed(service& of, std::optional<protocol::json_view> params, reply& answer);
void cancel(service& of, std::optional<protocol::json_view> params, reply& answer);
void status(service& of, std::optional<protocol::json_view> params, reply& answer);
void tasks(service& of, std::optional<protocol::json_view> params, reply& answer);
void forget(service& of, std::optional<protocol::json_view> params, reply& answer);

// info_methods.cpp: methods about the service, and auth.
void functions(service& of, std::optional<protocol::json_view> params, reply& answer);
void stats(service& of, std::optional<protocol::json_view> params, reply& answer);
void info(service& of, std::optional<protocol::json_view> params, reply& answer);
void ping(service& of, std::optional<protocol::json_view> params, reply& answer);
void auth(service& of, std::optional<protocol::json_view> params, reply& answer);

// worker_methods.cpp: methods of connections that serve functions.
void serve(service& daemon, std::optional<protocol::json_view> params, reply& answer);
void workers(service& daemon, std::optional<protocol::json_view> params, reply& answer);

}  // namespace gatherd::api::server
