/// \file
/// Where a listener stands: a host and a port, as people write them. Pure: no look-up, no sockets.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace gatherd::config {

/// A host (a name or a number, never empty) and a TCP port; port 0 asks the system for a free one.
struct address {
    std::string host;
    std::uint16_t port = 0;

    friend bool operator==(const address&, const address&) = default;
};

/// Reads "host:port" or, for IPv6, "[::1]:port". Nothing where the text is neither.
[[nodiscard]] std::optional<address> parse_address(std::string_view text);

/// The text that parse_address reads back.
[[nodiscard]] std::string to_text(const address& where);

}  // namespace gatherd::config
