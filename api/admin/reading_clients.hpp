/// \file
/// Which connections of the admin port may stay while they have not sent a whole request.
#pragma once

#include <asio/steady_timer.hpp>
#include <chrono>
#include <cstddef>
#include <functional>
#include <list>

namespace asio {
class io_context;
}

namespace gatherd::api::admin {

/// One TCP connection. The socket is libmicrohttpd's to close.
struct http_client {
    int descriptor = -1;
    bool is_reading = true;  ///< it has not sent a whole request since `since`
    std::chrono::steady_clock::time_point since = std::chrono::steady_clock::now();
    std::list<http_client*>::iterator place{};  ///< among those that are read
};

/// Closes connections that take too long to send a request, and, where there are too many connections, the one that has
/// waited for longest. It shuts the socket down; libmicrohttpd sees the end in its next round.
///
/// Threads: the loop's alone. Memory: one entry a connection.
class reading_clients {
public:
    /// `most`: connections, handled ones included. `time`: what a client may take to send a request.
    reading_clients(asio::io_context& loop, std::size_t most, std::function<std::chrono::milliseconds()> time);

    /// A connection was made, and outlives this or leaves. Throws std::bad_alloc.
    void enter(http_client& made);
    void leave(http_client& gone) noexcept;

    /// The client may begin a request, or go on with one.
    void read_on(http_client& client);

    /// Its request is whole, or is not read for now.
    void stop_reading(http_client& client) noexcept;

    /// From now on requests have to arrive within two seconds.
    void hurry();

    void stop() noexcept { timer_.cancel(); }

private:
    void close_late_ones();

    const std::size_t most_;
    const std::function<std::chrono::milliseconds()> time_;
    asio::steady_timer timer_;
    std::size_t connections_ = 0;
    std::list<http_client*> reading_{};  // the one that began first comes first
    bool is_hurried_ = false;
};

}  // namespace gatherd::api::admin
