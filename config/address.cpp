#include "config/address.hpp"

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

}  // namespace

std::optional<address> parse_address(std::string_view text) {
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

std::string to_text(const address& where) {
    const bool six = where.host.find(':') != std::string::npos;
    return (six ? "[" + where.host + "]" : where.host) + ":" + std::to_string(where.port);
}

}  // namespace gatherd::config
