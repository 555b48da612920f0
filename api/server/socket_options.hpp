/// \file
/// What is asked of the system for a client's socket.
#pragma once

namespace gatherd::api::server {

/// Of a TCP connection: small answers leave at once, and a host that vanished is found in about a minute. What the
/// system refuses is left as it is. A Unix socket refuses all of it, and needs none.
void set_client_options(int socket) noexcept;

}  // namespace gatherd::api::server
