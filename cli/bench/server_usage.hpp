/// \file
/// What the server's processes use, where they run on this machine: CPU time and memory, from /proc.
#pragma once

#include <asio/generic/stream_protocol.hpp>
#include <asio/ip/tcp.hpp>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace gatherd::cli::bench {

struct usage {
    std::chrono::nanoseconds cpu{};  // of all threads, user and system; the kernel tells it in steps of 10 ms
    std::uint64_t resident_bytes = 0;
    std::uint64_t private_bytes = 0;  // of those the anonymous ones: what the program itself allocated
};

/// The processes that listen at an address of this machine. They are found by the listening socket, so any server is,
/// also one that knows no `info`; several processes that share the socket count together.
///
/// Threads: one at a time.
class server_usage {
public:
    /// Finds none where nobody here listens there, or who does may not be looked at by this user.
    explicit server_usage(const asio::generic::stream_protocol::endpoint& server);

    /// Of an address and its port as /proc/net/tcp and tcp6 give them. Public for its test.
    [[nodiscard]] static bool listens_at(std::string_view local_address, const asio::ip::tcp::endpoint& server);

    [[nodiscard]] const std::vector<int>& processes() const noexcept { return processes_; }

    /// Now; nothing where there is no such process, or no longer.
    [[nodiscard]] std::optional<usage> now() const;

private:
    std::vector<int> processes_;
};

}  // namespace gatherd::cli::bench
