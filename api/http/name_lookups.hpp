/// \file
/// The addresses of names, asked of name servers without a thread.
#pragma once

#include <ares.h>

#include <asio/io_context.hpp>
#include <asio/ip/address.hpp>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "api/http/socket_watch.hpp"

namespace gatherd::api::http {

/// What came of a lookup: addresses, the preferred ones first, or else why there are none.
struct lookup_end {
    std::vector<asio::ip::address> addresses{};
    std::string failure{};
};

/// Asks by c-ares, which reads /etc/hosts and resolv.conf as the system does. Those who ask for the same name while it
/// is being asked share one question. Nothing is kept for later: the next one asks again.
///
/// A question has a channel of its own, so that it ends at once when nobody waits for it any more.
///
/// Threads: the reactor's alone. Cost: a question opens a few descriptors, as many as there are name servers at most.
class name_lookups {
public:
    /// `servers` as `address:port` or `address` with commas between; empty: the system's.
    name_lookups(asio::io_context& reactor, socket_watch& sockets, std::string servers);
    ~name_lookups();
    name_lookups(const name_lookups&) = delete;
    name_lookups& operator=(const name_lookups&) = delete;

    /// Throws std::invalid_argument, which names the setting, unless the constructor takes them.
    static void check_servers(const std::string& servers);

    using callback = std::function<void(lookup_end)>;

    /// Calls `done` when it is known, maybe before this returns. `asker` is how cancel() finds it.
    void start(const std::string& name, const void* asker, callback done);

    /// That one waits no longer: its `done` is dropped. False: there was none, or it has been called.
    bool cancel(const void* asker) noexcept;

private:
    class question;

    void finish(question& ended);

    asio::io_context& reactor_;
    socket_watch& sockets_;
    const std::string servers_;
    std::map<std::string, std::shared_ptr<question>> questions_{};  // by name
    std::map<const void*, question*> askers_{};
};

}  // namespace gatherd::api::http
