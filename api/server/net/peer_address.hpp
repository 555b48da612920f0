/// \file
/// Where a client comes from.
#pragma once

#include <sys/socket.h>

#include <array>
#include <cstddef>
#include <string>

namespace gatherd::api::server {

/// As far as it counts: an IPv4 address, or the first 64 bits of an IPv6 one, since a host has all that begin so. All
/// zero: a Unix socket, whose clients are not counted by address.
using peer_address = std::array<unsigned char, 16>;

/// That of a socket's other end.
[[nodiscard]] peer_address peer_address_of(const sockaddr& end, std::size_t size);

/// "192.0.2.7", "2001:db8::/64", "a Unix socket".
[[nodiscard]] std::string text_of(const peer_address& peer);

}  // namespace gatherd::api::server
