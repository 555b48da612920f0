/// \file
/// One JSON-RPC message from HTTP to the service and its answer back.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "api/admin/exchange.hpp"
#include "api/server/net/http_caller.hpp"

namespace asio {
class io_context;
}
namespace gatherd::api::server {
class service;
}

namespace gatherd::api::admin {

/// The body of the request is the message. Answers 200 with what the service answers, and 204 where that is nothing.
///
/// It passes through a pair of sockets into a connection of the service, as fast as that takes it, and so does the
/// answer: nothing is kept here, and all limits of connections hold. A client that goes closes that connection, which
/// cancels what it runs. What is sent before the answer, such as lines of `print`, is dropped.
///
/// `body_bytes`: none: the body is chunked, and may have 1 MiB, since its size has to be known before it is passed on.
[[nodiscard]] std::shared_ptr<request_handler> message_call(asio::io_context& loop, server::service& daemon,
                                                            server::http_caller caller,
                                                            std::optional<std::uint64_t> body_bytes);

/// Calls a method. Answers 200 with its result, or an error of HTTP with {"error": ERROR}. `params`: a JSON text, or
/// empty.
[[nodiscard]] std::shared_ptr<request_handler> method_call(asio::io_context& loop, server::service& daemon,
                                                           server::http_caller caller, const std::string& method,
                                                           const std::string& params);

}  // namespace gatherd::api::admin
