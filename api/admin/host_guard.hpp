/// \file
/// Which hosts and origins the admin port answers to: the guard against DNS rebinding and foreign pages.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace gatherd::api::admin {

/// What decides beside the header itself.
struct asking_client {
    bool is_on_loopback = false;  ///< the client is of this machine, and came by its loopback address
    bool has_token = false;       ///< it has shown a valid one
};

/// Decides by the text of the headers Host and Origin. A page of another site that makes a browser call this port has a
/// host name of its own in them; a browser cannot be made to send another one.
///
/// Allowed are the listening address; on loopback also localhost, 127.0.0.1 and [::1], each with the port; hosts that
/// are listed, with any port unless it is part of the entry; and where the port is open beyond loopback any IP address,
/// or anything with a valid token.
///
/// Threads: const members are safe from any thread. Pure.
class host_guard {
public:
    /// `address`: "127.0.0.1:7118", "[::1]:7118". `hosts`: as the setting admin.hosts.
    host_guard(std::string address, bool is_loopback, std::vector<std::string> hosts);

    [[nodiscard]] bool allows_host(std::string_view host, const asking_client& client) const;

    /// `origin`: "http://localhost:7118"; "null" is never allowed.
    [[nodiscard]] bool allows_origin(std::string_view origin, const asking_client& client) const;

private:
    [[nodiscard]] bool allows(std::string_view host, std::string_view port, const asking_client& client) const;

    const std::string host_;  // lower case, as all hosts here
    const std::string port_;
    const bool is_loopback_;
    std::vector<std::string> listed_;
};

}  // namespace gatherd::api::admin
