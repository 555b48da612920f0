/// \file
/// The methods themselves. Each reads its params, then answers, or takes the reply for what answers later. Throws
/// `refused` before it has done either.
#pragma once

#include <optional>

#include "api/protocol/json_view.hpp"
#include "api/server/net/reply.hpp"

namespace gatherd::api::server {

struct server_parts;

// run_methods.cpp: methods that run plans.
void run(const server_parts& server, std::optional<protocol::json_view> params, reply& answer);
void gather(const server_parts& server, std::optional<protocol::json_view> params, reply& answer);
void map(const server_parts& server, std::optional<protocol::json_view> params, reply& answer);
void create_task(const server_parts& server, std::optional<protocol::json_view> params, reply& answer);

// task_methods.cpp: methods about created tasks.
void await_tasks(const server_parts& server, std::optional<protocol::json_view> params, reply& answer);
void wait(const server_parts& server, std::optional<protocol::json_view> params, reply& answer);
void as_completed(const server_parts& server, std::optional<protocol::json_view> params, reply& answer);
void cancel(const server_parts& server, std::optional<protocol::json_view> params, reply& answer);
void status(const server_parts& server, std::optional<protocol::json_view> params, reply& answer);
void tasks(const server_parts& server, std::optional<protocol::json_view> params, reply& answer);
void forget(const server_parts& server, std::optional<protocol::json_view> params, reply& answer);

// info_methods.cpp: methods about the service, and auth.
void functions(const server_parts& server, std::optional<protocol::json_view> params, reply& answer);
void stats(const server_parts& server, std::optional<protocol::json_view> params, reply& answer);
void info(const server_parts& server, std::optional<protocol::json_view> params, reply& answer);
void ping(const server_parts& server, std::optional<protocol::json_view> params, reply& answer);
void auth(const server_parts& server, std::optional<protocol::json_view> params, reply& answer);

// worker_methods.cpp: methods of connections that serve functions.
void serve(const server_parts& server, std::optional<protocol::json_view> params, reply& answer);
void workers(const server_parts& server, std::optional<protocol::json_view> params, reply& answer);

}  // namespace gatherd::api::server
