/// \file
/// HTTP/1.1 for the admin port: sockets, heads, pieces, and who has to wait.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>

#include "api/admin/route.hpp"
#include "api/server/net/listening_socket.hpp"

namespace asio {
class io_context;
}

namespace gatherd::api::admin {

struct http_server_options {
    std::size_t connections = 64;                               ///< requests that are handled at a time
    std::function<std::chrono::milliseconds()> message_time{};  ///< how long a client may take to send a request
    std::chrono::seconds unread_time{60};                       ///< without progress of an answer
};

/// libmicrohttpd on one thread of its own, with epoll.
///
/// Beyond `connections` requests further ones are answered 503, but for those that the router calls reserved. Beyond
/// that many connections and 32 more, the connection is closed that has waited for longest without having sent a whole
/// request: clients that send nothing or are slow keep nobody out. A handled request whose client goes is detached at
/// once; so is one whose client has ended its sending side.
///
/// Threads: the router and all handlers are called by its thread. What the loop does has to take no time.
class http_server {
public:
    /// Listens there, but answers nobody before start. Throws std::runtime_error.
    http_server(server::listening_socket at, const http_server_options& options, router routes);

    /// Stops.
    ~http_server();
    http_server(const http_server&) = delete;
    http_server& operator=(const http_server&) = delete;

    void start();

    /// Closes all connections and ends the thread. Once or more; from any thread but its own.
    void stop() noexcept;

    /// From now on requests have to arrive within two seconds: the daemon is about to stop. From any thread.
    void hurry() const;

    /// Requests that have arrived whose handlers are owed an end (request_handler::is_owed). From any thread.
    [[nodiscard]] std::size_t owed() const noexcept;

    /// What its thread runs.
    [[nodiscard]] asio::io_context& loop() noexcept;

    /// "127.0.0.1:7118".
    [[nodiscard]] const std::string& address() const noexcept;
    [[nodiscard]] bool is_local() const noexcept;

private:
    class core;
    const std::unique_ptr<core> core_;
};

}  // namespace gatherd::api::admin
