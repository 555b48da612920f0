/// \file
/// Where a listener stands, as people write it. Pure: no look-up, no sockets.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace gatherd::config {

/// A host (a name or a number, never empty) and a TCP port; port 0 asks the system for a free one. Or a Unix socket's
/// path, or the sockets that systemd hands over.
struct address {
    enum class kind : std::uint8_t { tcp, local, systemd };

    std::string host;
    std::uint16_t port = 0;
    kind is = kind::tcp;
    std::string path = {};  // of a Unix socket
    bool tls = false;

    friend bool operator==(const address&, const address&) = default;
};

/// Reads "host:port" or, for IPv6, "[::1]:port"; "unix:/path"; "systemd"; and any of them behind "tls:". Nothing where
/// the text is none of these.
[[nodiscard]] std::optional<address> parse_address(std::string_view text);

/// The text that parse_address reads back.
[[nodiscard]] std::string to_text(const address& where);

/// Whether it is a host as the header Host has it: a name, an IPv4 address, or an IPv6 address in brackets; with or
/// without a port.
[[nodiscard]] bool is_host(std::string_view text);

}  // namespace gatherd::config
