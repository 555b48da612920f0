/// \file
/// Which hosts may be reached: the setting http.allow. Pure: no sockets, no names are resolved.
#pragma once

#include <asio/ip/address.hpp>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace gatherd::api::http {

/// Whether an address is one of the public internet: in none of the special ranges of RFC 6890 (private, loopback,
/// link-local, documentation, ...), no multicast, and no IPv6 address that stands for an IPv4 one (mapped, NAT64, 6to4,
/// Teredo). Of IPv6 that leaves 2000::/3 without its special parts.
[[nodiscard]] bool is_public(const asio::ip::address& address) noexcept;

/// Entries, any of which allows: a host name, `*.suffix` (names below it), `*` (any name), or a block of addresses as
/// `10.0.0.0/8` or `fd00::/8`; a single address is a block of one. Each may end with `:port`, and is for all ports
/// without; a block of IPv6 then stands in brackets, `[fd00::/8]:443`.
///
/// A name's entry allows the public addresses of that name. A block allows all of its addresses, whatever the name is
/// that leads there, and special addresses are allowed by a block alone. So nobody reaches what is inside by a name
/// that points there.
///
/// Threads: all members are safe from any thread. Cost: linear in the number of entries.
class allow_list {
public:
    /// Throws std::invalid_argument, which names the entry and says what is wrong with it.
    explicit allow_list(std::span<const std::string> entries);

    [[nodiscard]] bool empty() const noexcept { return entries_.empty(); }

    /// Whether any address of that host could be allowed at that port: if not, its name need not be resolved. `host` is
    /// a name in lower case without a dot at its end, or an address as text.
    [[nodiscard]] bool could_allow(std::string_view host, std::uint16_t port) const noexcept;

    /// Whether that address may be connected to as `host`.
    [[nodiscard]] bool allows(std::string_view host, const asio::ip::address& address,
                              std::uint16_t port) const noexcept;

private:
    struct block {
        asio::ip::address first;
        unsigned bits = 0;  // those of `first` that count
    };
    struct entry {
        std::string name{};             // "api.example.com"; ".example.com" of "*.example.com"; "*"
        std::optional<block> within{};  // instead of a name
        std::uint16_t port = 0;         // 0: all
    };

    static entry read(const std::string& text);
    static bool contains(const block& within, const asio::ip::address& address) noexcept;
    static bool has_name(const entry& allowed, std::string_view host) noexcept;

    std::vector<entry> entries_{};
};

}  // namespace gatherd::api::http
