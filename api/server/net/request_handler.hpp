/// \file
/// What connections do with the requests that they read.
#pragma once

#include "api/protocol/message.hpp"
#include "api/server/net/reply.hpp"

namespace gatherd::api::server {

class request_handler {
public:
    virtual ~request_handler() = default;

    /// Carries out one request: the reply comes now or later. On the thread that handles the client's message. Never
    /// throws for what a client sent.
    virtual void handle(const protocol::request& request, reply answer) = 0;
};

}  // namespace gatherd::api::server
