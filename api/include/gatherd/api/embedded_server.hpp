/// \file
/// The service inside a program of your own.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "gatherd/api/limits.hpp"
#include "gatherd/api/registry.hpp"

namespace gatherd::api {

/// What a client shows to be let in.
struct token {
    std::string name;               ///< for the log
    std::string text;               ///< the secret itself; its SHA-256 is kept
    bool may_administrate = false;  ///< what concerns others' tasks and statistics, too
    bool may_serve = false;         ///< serve functions as a worker
};

struct settings {
    std::vector<std::string> listen{"127.0.0.1:7117"};  ///< host:port (port 0: any free one), [::1]:port, unix:/path
    std::size_t threads = 0;                            ///< that run tasks; 0: as many as the container may use
    std::size_t blocking_threads = 64;                  ///< at most, of the blocking lane
    std::vector<token> tokens{};                        ///< none: nobody is asked for one
    bool is_open = false;  ///< listen beyond loopback though no tokens are set: whoever reaches the port may run plans
    std::chrono::milliseconds grace = std::chrono::seconds{30};  ///< what accepted tasks may take when it stops
    limits bounds{};                                             ///< see docs/PROTOCOL.md, section Limits
};

/// A daemon in this process: the daemon's own functions and those of a registry, on threads of its own. It has the wire
/// protocol, the limits and the methods of `gatherd serve`; it has no TLS, no pools and no settings file, and
/// process.run, http.request and the functions of files are not allowed. A program may have several.
///
/// Threads: `stop` and `addresses` from any; the destructor from none of its own. It handles no signals. SIGPIPE has to
/// be ignored by the program (`serve` does so).
///
/// Memory: limits.memory_bytes and client_memory_bytes are compared with what the process has allocated. That is
/// counted by an operator new that only the program gatherd has; elsewhere these two are never reached. All other
/// limits hold.
///
/// Log: what it has to say goes to spdlog's default logger, standard output if the program sets none.
class embedded_server {
public:
    /// Accepts clients when it returns. Throws std::invalid_argument for settings or names that cannot be,
    /// std::runtime_error for an address at which it cannot listen, std::system_error where no thread can be started.
    embedded_server(const settings& wanted, registry functions);

    /// As stop().
    ~embedded_server();
    embedded_server(const embedded_server&) = delete;
    embedded_server& operator=(const embedded_server&) = delete;

    /// Where it listens, with the ports that it got: "127.0.0.1:41973", "unix:/run/mine.sock".
    [[nodiscard]] const std::vector<std::string>& addresses() const noexcept;

    /// Takes no more clients, answers what was accepted within `grace`, cancels what still runs then, closes and joins.
    /// A second call waits for the first. A plain function that was begun is waited for, however long it takes.
    void stop() noexcept;

private:
    struct parts;
    std::unique_ptr<parts> parts_;
};

/// A daemon until SIGINT or SIGTERM comes, and until it has stopped then. A second signal has its usual effect, which
/// ends the process; the same one within 50 ms is no second one. Both are blocked in the calling thread in the
/// meantime, and SIGPIPE is ignored from then on. Call it before the program starts other threads: one of them would
/// take the signals. `is_ready` is called once, when clients are accepted. Throws as the constructor, and what
/// `is_ready` throws.
void serve(const settings& wanted, registry functions,
           const std::function<void(const embedded_server&)>& is_ready = nullptr);

}  // namespace gatherd::api
