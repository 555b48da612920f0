/// \file
/// A client's end of a socket, and ours.
#pragma once

#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <asio/io_context.hpp>
#include <catch2/catch.hpp>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "api/server/net/transport.hpp"

namespace gatherd::api::server::tests {

/// Nothing waits: what was written at one end is there at the other.
class socket_pair {
public:
    socket_pair() {
        REQUIRE(socketpair(AF_UNIX, SOCK_STREAM, 0, ends_.data()) == 0);
        ours_.emplace(transport::socket_type{context_, asio::generic::stream_protocol{AF_UNIX, 0}, ends_[0]}, nullptr);
    }
    ~socket_pair() { ::close(ends_[1]); }
    socket_pair(const socket_pair&) = delete;
    socket_pair& operator=(const socket_pair&) = delete;

    [[nodiscard]] transport& ours() { return *ours_; }

    /// The client says that. Less than the system keeps for a socket, some hundred KiB.
    void write(std::string_view bytes) {
        REQUIRE(::send(ends_[1], bytes.data(), bytes.size(), MSG_DONTWAIT) == static_cast<ssize_t>(bytes.size()));
    }

    /// What has come to the client by now.
    [[nodiscard]] std::string read() {
        std::string all(std::size_t{4} << 20, '\0');
        const auto count = ::recv(ends_[1], all.data(), all.size(), MSG_DONTWAIT);
        all.resize(count > 0 ? static_cast<std::size_t>(count) : 0);
        return all;
    }

private:
    asio::io_context context_;
    std::array<int, 2> ends_{};
    std::optional<transport> ours_;
};

}  // namespace gatherd::api::server::tests
