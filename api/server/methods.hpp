/// \file
/// The methods of the service, by name.
#pragma once

#include "api/server/reply.hpp"
#include "api/wire/message.hpp"

namespace gatherd::api::server {

class service;

/// Carries out one request: the reply comes now or later. On the connection's worker. Never throws for what a client
/// sent.
void call_method(service& of, const wire::request& request, reply answer);

}  // namespace gatherd::api::server
