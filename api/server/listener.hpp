/// \file
/// Accepts connections at one address.
#pragma once

#include <asio/ip/tcp.hpp>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "executor/alarm.hpp"

namespace gatherd::api::server {

class service;

/// A listening TCP socket. Accepted connections are dealt out to the workers' reactors in turn.
///
/// Threads: it lives on the first worker's reactor. start and stop are safe from any thread.
class listener : public std::enable_shared_from_this<listener> {
public:
    /// Binds and listens. `port` 0: any free one. Throws std::runtime_error that says what is wrong with the address.
    listener(service& of, const std::string& host, std::uint16_t port);

    void start();

    /// Takes no more connections, from some moment soon after.
    void stop();

    /// Where it listens: "127.0.0.1:7117", "[::1]:7117".
    [[nodiscard]] std::string address() const;
    [[nodiscard]] std::uint16_t port() const noexcept { return bound_.port(); }

private:
    void accept_next();
    void accepted(const asio::error_code& failed, asio::ip::tcp::socket socket, std::size_t home);

    service& service_;
    asio::ip::tcp::acceptor acceptor_;
    asio::ip::tcp::endpoint bound_;
    std::size_t next_home_ = 0;
    executor::alarm pause_;
};

}  // namespace gatherd::api::server
