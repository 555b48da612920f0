#include "config/address.hpp"

#include <algorithm>
#include <charconv>

namespace gatherd::config {

namespace {

std::optional<std::uint16_t> parse_port(std::string_view text) {
    std::uint16_t port = 0;
    const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), port);
    if (text.empty() || fault != std::errc{} || end != text.data() + text.size()) {
        return std::nullopt;
    }
    return port;
}

std::optional<address> parse_tcp(std::string_view text) {
    const auto colon = text.rfind(':');
    if (colon == std::string_view::npos) {
        return std::nullopt;
    }
    auto host = text.substr(0, colon);
    const bool bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
    if (bracketed) {
        host = host.substr(1, host.size() - 2);
    }
    // Without brackets "::1:7117" could mean two things, so it means none.
    const bool plain = host.find_first_of(" \t\r\n/[],") == std::string_view::npos;
    const auto port = parse_port(text.substr(colon + 1));
    if (host.empty() || !plain || !port || (!bracketed && host.find(':') != std::string_view::npos)) {
        return std::nullopt;
    }
    return address{std::string{host}, *port};
}

std::optional<address> parse_in_clear(std::string_view text) {
    constexpr std::string_view local = "unix:";
    if (text == "systemd") {
        return address{.host = {}, .is = address::kind::systemd};
    }
    // A host may be named unix, but none has a port that begins with a slash.
    if (text.starts_with(local) && text.substr(local.size()).starts_with('/')) {
        const auto path = text.substr(local.size());
        const bool plain = path.find_first_of(std::string_view{"\0\n,", 3}) == std::string_view::npos;
        return plain ? std::optional{address{.host = {}, .is = address::kind::local, .path = std::string{path}}}
                     : std::nullopt;
    }
    return parse_tcp(text);
}

}  // namespace

std::optional<address> parse_address(std::string_view text) {
    constexpr std::string_view tls = "tls:";
    if (text.starts_with(tls)) {
        if (auto found = parse_in_clear(text.substr(tls.size()))) {
            found->tls = true;
            return found;
        }
    }
    return parse_in_clear(text);
}

std::string to_text(const address& where) {
    if (where.tls) {
        address in_clear = where;
        in_clear.tls = false;
        return "tls:" + to_text(in_clear);
    }
    if (where.is != address::kind::tcp) {
        return where.is == address::kind::systemd ? "systemd" : "unix:" + where.path;
    }
    const bool six = where.host.find(':') != std::string::npos;
    return (six ? "[" + where.host + "]" : where.host) + ":" + std::to_string(where.port);
}

bool is_host(std::string_view text) {
    constexpr std::string_view digits = "0123456789";
    constexpr std::string_view letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    constexpr std::size_t most_bytes = 255;
    const bool is_six = text.starts_with('[');
    const auto end = is_six ? text.find(']') : text.find(':');
    if (is_six && end == std::string_view::npos) {
        return false;
    }
    const auto host = is_six ? text.substr(1, end - 1) : text.substr(0, end);
    const auto rest = text.substr(std::min(text.size(), is_six ? end + 1 : host.size()));
    const std::string allowed = std::string{digits} + (is_six ? "ABCDEFabcdef:." : std::string{letters} + "-._");
    const bool has_good_port = rest.empty() || (rest.starts_with(':') && parse_port(rest.substr(1)).value_or(0) != 0);
    return !host.empty() && host.size() <= most_bytes && host.find_first_not_of(allowed) == std::string_view::npos &&
           has_good_port;
}

}  // namespace gatherd::config
