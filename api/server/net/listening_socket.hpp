/// \file
/// Opens the sockets at which clients are accepted: TCP, Unix, or handed over by a supervisor.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace gatherd::api::server {

/// Who may connect to a Unix socket, by its file's owner and mode.
struct unix_access {
    unsigned mode = 0600;
    std::string user;   ///< a name or a number; empty: who runs the daemon
    std::string group;  ///< likewise
};

/// A socket that listens already. Movable; closes it, and removes the file of a Unix socket that it made.
class listening_socket {
public:
    /// Binds and listens. `port` 0: any free one. All throw std::runtime_error that says what is wrong with the
    /// address.
    [[nodiscard]] static listening_socket tcp(const std::string& host, std::uint16_t port) {
        return bound(host, port, port);
    }

    /// The same at any free port, to find out whether one could listen there, and had the right to: nobody loses the
    /// port itself. What is thrown names `port`.
    [[nodiscard]] static listening_socket probe(const std::string& host, std::uint16_t port);

    /// Throws what `local` would throw of the path and the owner; makes nothing.
    static void check_local(const std::string& path, const unix_access& access);

    /// A file that nobody listens at any more is replaced; one that somebody does, or that is no socket, is not.
    [[nodiscard]] static listening_socket local(const std::string& path, const unix_access& access);

    /// Those that the process was started with, as systemd's socket activation hands them over (LISTEN_PID,
    /// LISTEN_FDS). They are taken once: the variables go. One thread, as with all that changes the environment.
    [[nodiscard]] static std::vector<listening_socket> inherited();

    listening_socket(listening_socket&& other) noexcept;
    listening_socket& operator=(listening_socket&&) = delete;
    ~listening_socket();

    /// "127.0.0.1:7117", "[::1]:7117", "unix:/run/gatherd.sock".
    [[nodiscard]] const std::string& address() const noexcept { return address_; }

    /// Only processes of this machine reach it.
    [[nodiscard]] bool is_local() const noexcept { return is_local_; }

    /// The address family, as of socket(2).
    [[nodiscard]] int family() const noexcept { return family_; }

    /// Hands the descriptor over: the caller closes it.
    [[nodiscard]] int release() noexcept;

    /// The file, if there is one of ours, is to be removed no later than now.
    void remove_file() noexcept;

private:
    static listening_socket bound(const std::string& host, std::uint16_t told_port, std::uint16_t port);
    explicit listening_socket(int descriptor);
    void describe();

    int descriptor_;
    int family_ = 0;
    bool is_local_ = false;
    std::string address_;
    std::string file_;  // to be removed, or empty
};

}  // namespace gatherd::api::server
