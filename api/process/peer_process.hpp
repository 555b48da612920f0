/// \file
/// Which process of ours a client is.
#pragma once

#include <netinet/in.h>
#include <sys/types.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <unordered_map>

namespace gatherd::api::process {

/// Which process group has which socket, as /proc/PID/fd told when it was last read.
///
/// Threads: any.
class socket_owners {
public:
    using clock = std::chrono::steady_clock;

    /// Of these groups the one that has the socket of this inode, which was there at that time; 0: none, or we may not
    /// look.
    ///
    /// Cost: where it was read before that time, a look at all processes, and at the descriptors of those that are of
    /// the groups: below a millisecond for a hundred. So for many connections that came before, once.
    [[nodiscard]] pid_t group_with(std::uint32_t inode, clock::time_point since, std::span<const pid_t> leaders);

private:
    std::mutex lock_;
    clock::time_point read_at_{};  // under lock_, as the next
    std::unordered_map<std::uint32_t, pid_t> groups_;
};

/// The process at the other end of a connection, as far as this system knows it. One that is elsewhere, or behind a
/// proxy, is nobody's.
///
/// A Unix socket names it (SO_PEERCRED). For TCP the kernel tells the inode of the other end where that is a socket of
/// this system (sock_diag(7)), and /proc/PID/fd whose it is; where the daemon may not read one of these, it is
/// nobody's.
///
/// Threads: any.
class peer_process {
public:
    /// Whoever is connected to this socket. Only the addresses are asked for now.
    [[nodiscard]] static std::shared_ptr<peer_process> behind(int socket);

    /// That one; 0: nobody's.
    explicit peer_process(pid_t known) noexcept : pid_{known} {}

    /// Who holds the other end of a TCP connection; the first address is ours.
    peer_process(const sockaddr_in6& own, const sockaddr_in6& peer) noexcept : own_{own}, peer_{peer} {}

    /// Whether it has been looked for.
    [[nodiscard]] bool is_known() const noexcept { return leader_.load(std::memory_order_relaxed) != unknown; }

    /// Finds which of these it is, or of which of their process groups. That holds for good: a process that starts
    /// later has not made this connection.
    void look_among(std::span<const pid_t> leaders, socket_owners& owners) noexcept;

    /// Which one it was; 0: none, or it has not been looked for.
    [[nodiscard]] pid_t leader() const noexcept;

private:
    static constexpr pid_t unknown = -1;

    const pid_t pid_ = 0;
    const sockaddr_in6 own_{};  // both of no family: there is no connection by TCP
    const sockaddr_in6 peer_{};
    const socket_owners::clock::time_point since_ = socket_owners::clock::now();
    std::atomic<pid_t> leader_{unknown};  // a number by itself: whoever looks finds the same
};

}  // namespace gatherd::api::process
