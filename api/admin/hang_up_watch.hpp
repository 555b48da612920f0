/// \file
/// Tells when clients go whose requests wait, so that libmicrohttpd looks at nobody's socket.
#pragma once

#include <asio/posix/stream_descriptor.hpp>
#include <cstdint>
#include <functional>

#include "api/process/descriptor.hpp"

namespace asio {
class io_context;
}

namespace gatherd::api::admin {

/// An epoll of its own: the end of a client, or of its sending side.
///
/// Threads: the loop's alone, but for the constructor, which is called before the loop runs.
class hang_up_watch {
public:
    /// `gone` is called with the number of each whose client's end was seen, once or more. Throws std::system_error.
    hang_up_watch(asio::io_context& loop, std::function<void(std::uint64_t number)> gone);

    void start();
    void stop() { events_.release(); }

    void add(int socket, std::uint64_t number) noexcept;
    void remove(int socket) noexcept;

private:
    void tell();

    const process::descriptor epoll_;
    const std::function<void(std::uint64_t)> gone_;
    asio::posix::stream_descriptor events_;  // the same descriptor; not its to close
};

}  // namespace gatherd::api::admin
