#include "api/http/allow_list.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <stdexcept>
#include <utility>

#include "api/http/lower_case.hpp"

namespace gatherd::api::http {

namespace {

using asio::ip::address;

struct range {
    std::uint32_t first;
    unsigned bits;
};

constexpr std::uint32_t quad(std::uint32_t a, std::uint32_t b, std::uint32_t c, std::uint32_t d) noexcept {
    return a << 24U | b << 16U | c << 8U | d;
}

/// RFC 6890 and its registry, multicast, and what is reserved.
constexpr std::array special_v4{
    range{quad(0, 0, 0, 0), 8},      range{quad(10, 0, 0, 0), 8},     range{quad(100, 64, 0, 0), 10},
    range{quad(127, 0, 0, 0), 8},    range{quad(169, 254, 0, 0), 16}, range{quad(172, 16, 0, 0), 12},
    range{quad(192, 0, 0, 0), 24},   range{quad(192, 0, 2, 0), 24},   range{quad(192, 88, 99, 0), 24},
    range{quad(192, 168, 0, 0), 16}, range{quad(198, 18, 0, 0), 15},  range{quad(198, 51, 100, 0), 24},
    range{quad(203, 0, 113, 0), 24}, range{quad(224, 0, 0, 0), 4},    range{quad(240, 0, 0, 0), 4},
};

constexpr bool is_in(std::uint32_t number, const range& r) noexcept {
    return ((number ^ r.first) >> (32U - r.bits)) == 0;
}

bool is_public_v4(const asio::ip::address_v4& a) noexcept {
    const auto number = static_cast<std::uint32_t>(a.to_uint());
    return std::ranges::none_of(special_v4, [number](const range& r) { return is_in(number, r); });
}

/// The first 32 bits of an address of IPv6 tell its range, but for Teredo's neighbours all of 2001::/23.
bool is_public_v6(const asio::ip::address_v6& a) noexcept {
    const auto bytes = a.to_bytes();
    const std::uint32_t head = quad(bytes[0], bytes[1], bytes[2], bytes[3]);
    constexpr range global{0x20000000, 3};
    constexpr std::array special{
        range{0x20010000, 23},  // protocols' own, Teredo among them
        range{0x20010db8, 32},  // documentation
        range{0x20020000, 16},  // 6to4
        range{0x3fff0000, 20},  // documentation
    };
    return is_in(head, global) && std::ranges::none_of(special, [head](const range& r) { return is_in(head, r); });
}

std::optional<address> read_address(std::string_view text) {
    if (text.find('%') != std::string_view::npos) {  // a zone is no part of an address
        return std::nullopt;
    }
    asio::error_code failed;
    const address read = asio::ip::make_address(std::string{text}, failed);
    return failed ? std::nullopt : std::optional{read};
}

template <typename Number>
std::optional<Number> number_from(std::string_view text, Number most) {
    Number number = 0;
    const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (failed != std::errc{} || end != text.data() + text.size() || number > most) {
        return std::nullopt;
    }
    return number;
}

[[noreturn]] void refuse_entry(const std::string& entry, const std::string& reason) {
    throw std::invalid_argument{"http.allow: '" + entry + "': " + reason};
}

bool is_name(std::string_view text) noexcept {
    constexpr std::size_t longest = 253;
    const auto is_fine = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
    };
    return !text.empty() && text.size() <= longest && std::ranges::all_of(text, is_fine) && text.front() != '.' &&
           text.back() != '.' && text.find("..") == std::string_view::npos;
}

/// An entry without its port, and the text of that, if it has one.
std::pair<std::string_view, std::optional<std::string_view>> split_port(std::string_view text) noexcept {
    if (text.starts_with('[')) {
        const auto end = text.find(']');
        if (end != std::string_view::npos && (end + 1 == text.size() || text[end + 1] == ':')) {
            const auto inside = text.substr(1, end - 1);
            return {inside, end + 1 == text.size() ? std::nullopt : std::optional{text.substr(end + 2)}};
        }
        return {text, std::nullopt};
    }
    // Colons before the slash are IPv6's own; without a slash a single one is a port's.
    const auto slash = text.find('/');
    const auto colon = slash == std::string_view::npos ? text.find(':') : text.find(':', slash);
    if (colon == std::string_view::npos || text.find(':', colon + 1) != std::string_view::npos) {
        return {text, std::nullopt};
    }
    return {text.substr(0, colon), text.substr(colon + 1)};
}

}  // namespace

bool is_public(const address& a) noexcept {
    return a.is_v4() ? is_public_v4(a.to_v4()) : is_public_v6(a.to_v6());
}

allow_list::allow_list(std::span<const std::string> entries) {
    for (const std::string& each : entries) {
        entries_.push_back(read(each));
    }
}

allow_list::entry allow_list::read(const std::string& text) {
    entry made;
    const auto [host, port] = split_port(text);
    if (port) {
        const auto number = number_from<std::uint16_t>(*port, 65535);
        if (!number || *number == 0) {
            refuse_entry(text, "a port is a number from 1 to 65535");
        }
        made.port = *number;
    }
    const auto slash = host.find('/');
    if (const auto first = read_address(host.substr(0, slash))) {
        const unsigned width = first->is_v4() ? 32 : 128;
        const auto bits =
            slash == std::string_view::npos ? width : number_from<unsigned>(host.substr(slash + 1), width);
        if (!bits) {
            refuse_entry(
                text, "behind the slash of a block stands how many bits are fixed, at most " + std::to_string(width));
        }
        made.within = block{*first, *bits};
        return made;
    }
    made.name = lower_case(host);
    const bool is_suffix = made.name.starts_with("*.");
    if (made.name != "*" && !is_name(is_suffix ? std::string_view{made.name}.substr(2) : made.name)) {
        refuse_entry(
            text,
            "an entry is a host name, *.suffix, * or a block of addresses such as 10.0.0.0/8, and may end with "
            ":port (a block of IPv6 then stands in brackets)");
    }
    if (is_suffix) {
        made.name.erase(0, 1);
    }
    return made;
}

bool allow_list::contains(const block& within, const address& a) noexcept {
    if (within.first.is_v4() != a.is_v4()) {
        return false;
    }
    const auto has = [bits = within.bits](const auto& one, const auto& other) {
        const unsigned whole = bits / 8;
        if (!std::equal(one.begin(), one.begin() + whole, other.begin())) {
            return false;
        }
        const unsigned rest = bits % 8;
        return rest == 0 || ((one[whole] ^ other[whole]) >> (8U - rest)) == 0;
    };
    return a.is_v4() ? has(within.first.to_v4().to_bytes(), a.to_v4().to_bytes())
                     : has(within.first.to_v6().to_bytes(), a.to_v6().to_bytes());
}

bool allow_list::has_name(const entry& allowed, std::string_view host) noexcept {
    if (allowed.name.starts_with('.')) {
        return host.size() > allowed.name.size() && host.ends_with(allowed.name);
    }
    return allowed.name == "*" || allowed.name == host;
}

bool allow_list::could_allow(std::string_view host, std::uint16_t port) const noexcept {
    return std::ranges::any_of(entries_, [&](const entry& each) {
        return (each.port == 0 || each.port == port) && (each.within || has_name(each, host));
    });
}

bool allow_list::allows(std::string_view host, const address& a, std::uint16_t port) const noexcept {
    return std::ranges::any_of(entries_, [&](const entry& each) {
        if (each.port != 0 && each.port != port) {
            return false;
        }
        return each.within ? contains(*each.within, a) : has_name(each, host) && is_public(a);
    });
}

}  // namespace gatherd::api::http
