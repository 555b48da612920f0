/// \file
/// The admin port: health, numbers, tasks and JSON-RPC over HTTP.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "api/pools/pool_table.hpp"
#include "api/server/net/listening_socket.hpp"
#include "api/server/service.hpp"

namespace gatherd::api::admin {

/// Who may ask, beside what tokens say: settings that may change while it runs.
struct admin_access {
    std::vector<std::string> hosts{};  ///< further ones that Host and Origin may name, each with or without a port
    bool open_metrics = false;         ///< /metrics needs no token
};

/// Answers HTTP at one address, with a thread of its own. The contract is in docs/PROTOCOL.md.
///
/// Threads: all members are safe from any thread but that of the port itself; destroyed by no worker.
class admin_port {
public:
    /// The service outlives it; so do the pools until stop. Throws std::runtime_error.
    admin_port(server::service& daemon, const pools::pool_table& pools, server::listening_socket at,
               std::size_t connections, admin_access access);

    /// Stops.
    ~admin_port();
    admin_port(const admin_port&) = delete;
    admin_port& operator=(const admin_port&) = delete;

    /// The daemon takes work from now on: /readyz may say so.
    void set_ready() noexcept;

    void change_access(admin_access access);

    /// The daemon is about to drain: who is still sending a request has two seconds for the rest.
    void hurry();

    /// Calls whose clients have not been sent the whole answer.
    [[nodiscard]] std::size_t owed() const noexcept;

    /// Closes all connections, which cancels what they run, and ends the thread. The connections of the service that
    /// these used close soon after.
    void stop() noexcept;

    /// "127.0.0.1:7118".
    [[nodiscard]] const std::string& address() const noexcept;
    [[nodiscard]] bool is_local() const noexcept;

private:
    class routes;
    const std::unique_ptr<routes> routes_;
};

}  // namespace gatherd::api::admin
