/// \file
/// Fetching URLs from coroutines.
#pragma once

#include <atomic>
#include <cstddef>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "api/http/allow_list.hpp"
#include "api/http/message.hpp"
#include "gatherd/executor/task.hpp"

namespace gatherd::api::http {

class target;
struct exchange;

/// What a client may reach, and how.
struct client_settings {
    std::vector<std::string> allow{};        ///< see allow_list; none: nothing may be reached
    std::vector<std::string> dns_servers{};  ///< `address` or `address:port`; none: the system's
    std::string ca_file{};  ///< PEM file of the authorities that sign servers' certificates; empty: the system's
    std::size_t most_connections = 256;                  ///< in use or kept, of each reactor
    std::size_t most_body_bytes = std::size_t{1} << 30;  ///< of all answers that are being received, together
    std::string user_agent = "gatherd";                  ///< what requests without a User-Agent have
};

/// Sends requests over HTTP/1.1 and HTTP/2, by libcurl and c-ares on the reactors of two workers at most, without any
/// thread of its own. A few requests at a time all go to the reactor of the worker that made the first one, and share
/// its connections. What is more goes to that of a second worker too, if it is made there.
///
/// Each address is checked when its name has been resolved, when a socket to it is opened, and before a request is sent
/// on a connection; at each redirect likewise. Proxies of the environment are not used.
///
/// Threads: fetch may be called in tasks of any scheduler, any number at once. The client has to outlive its fetches.
/// What it has open goes with the client or with the workers' scheduler, whichever ends first; that scheduler has to
/// outlive fetches that are made on others.
class client {
public:
    /// Throws std::invalid_argument, which names the setting, for those that cannot be.
    explicit client(client_settings settings);
    ~client();
    client(const client&) = delete;
    client& operator=(const client&) = delete;

    /// Throws what fetch would throw without asking anybody: `fault` of kind value or permission.
    void check(const request& given) const;

    /// Fetches, and follows redirects. Throws `fault`; executor::timeout_error; when the task is cancelled
    /// cancelled_error, as soon as the reactor has dropped the request.
    ///
    /// Redirects are followed as browsers do: 303, and 301 or 302 of a POST, become a GET without body. Authorization
    /// and Cookie are dropped where the scheme, host or port changes.
    ///
    /// Cost: two or four wake-ups of a worker for each answer, a few allocations, and the body twice.
    [[nodiscard]] executor::task<response> fetch(request given) const;

private:
    struct reactor_part;

    using part_ptr = std::shared_ptr<reactor_part>;

    [[nodiscard]] part_ptr part() const;
    void check_host(const target& server) const;
    [[nodiscard]] executor::task<response> follow(request& given) const;
    [[nodiscard]] executor::task<> find_addresses(const part_ptr& there, exchange& begun) const;
    [[nodiscard]] static executor::task<> send(const part_ptr& there, exchange& begun);

    const client_settings settings_;
    const allow_list rules_;
    mutable std::mutex lock_;
    mutable std::vector<std::weak_ptr<reactor_part>> parts_{};  // under lock_; each kept alive by its reactor
    mutable std::atomic<std::size_t> body_bytes_{0};            // of all answers that are being received
};

}  // namespace gatherd::api::http
