/// \file
/// Accepts connections at one address.
#pragma once

#include <asio/basic_socket_acceptor.hpp>
#include <asio/generic/stream_protocol.hpp>
#include <chrono>
#include <cstddef>
#include <memory>
#include <string>

#include "api/log/line_budget.hpp"
#include "api/process/descriptor.hpp"
#include "api/server/net/connection_table.hpp"
#include "api/server/net/http_caller.hpp"
#include "api/server/net/listening_socket.hpp"
#include "api/server/net/peer_address.hpp"
#include "api/server/net/transport.hpp"
#include "gatherd/executor/timer.hpp"

namespace gatherd::api::server {

class tls_context;

/// A listening socket. Accepted connections are dealt out to the workers' reactors in turn.
///
/// Threads: it lives on the first worker's reactor. start and stop are safe from any thread.
class listener : public std::enable_shared_from_this<listener> {
public:
    /// `tls` null: in clear. Throws std::runtime_error where the socket cannot be watched.
    listener(connection_table& table, listening_socket at, std::shared_ptr<const tls_context> tls);

    void start();

    /// Takes no more connections, from some moment soon after. The file of a Unix socket of ours goes.
    void stop();

    /// Where it listens: "127.0.0.1:7117", "[::1]:7117", "unix:/run/gatherd.sock".
    [[nodiscard]] const std::string& address() const noexcept { return at_.address(); }
    [[nodiscard]] bool is_local() const noexcept { return at_.is_local(); }
    [[nodiscard]] bool is_tls() const noexcept { return tls_ != nullptr; }

private:
    using protocol = asio::generic::stream_protocol;
    using socket_type = transport::socket_type;

    void accept_next();
    void accepted(const asio::error_code& failed, socket_type socket, std::size_t home);

    connection_table& table_;
    server_state& state_;
    listening_socket at_;
    std::shared_ptr<const tls_context> tls_;
    asio::basic_socket_acceptor<protocol> acceptor_;
    protocol::endpoint peer_;  // of the connection that is being accepted
    std::size_t next_home_ = 0;
    executor::timer pause_;
    log::line_budget failures_;
};

/// Takes a client in: makes its connection and starts it on the reactor `home`, on whose io_context the socket is; or
/// refuses it, where a limit says so. `tls` null: in clear. From any thread.
void let_in(connection_table& table, transport::socket_type socket, const std::shared_ptr<asio::ssl::context>& tls,
            const peer_address& peer, std::size_t home);

/// Takes in one message of a client over HTTP, by the daemon's end of a pair of sockets: see connection::become_http.
/// From any thread.
std::shared_ptr<connection> let_in_http(connection_table& table, process::descriptor end, const http_caller& caller,
                                        std::size_t home);

/// Takes in a process of a pool by the daemon's end of its socket, and gives the worker that it is. From any thread.
std::shared_ptr<workers::worker> let_in_process(connection_table& table, process::descriptor end,
                                                std::shared_ptr<workers::pool_member> member);

}  // namespace gatherd::api::server
