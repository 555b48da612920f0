#include "api/admin/host_guard.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "api/http/lower_case.hpp"

namespace gatherd::api::admin {
namespace {

/// A host and its port, or an empty one.
struct host_and_port {
    std::string_view host;
    std::string_view port;
};

/// Nothing where the text is neither "host" nor "host:port"; an IPv6 address stands in brackets.
std::optional<host_and_port> split(std::string_view text) {
    const auto closing = text.starts_with('[') ? text.find(']') : std::size_t{0};
    const auto colon = closing == std::string_view::npos ? closing : text.find(':', closing);
    if (closing == std::string_view::npos) {
        return std::nullopt;
    }
    const host_and_port parts{text.substr(0, colon), colon == std::string_view::npos ? "" : text.substr(colon + 1)};
    const bool is_bracketed = !text.starts_with('[') || parts.host.ends_with(']');
    const bool is_number =
        parts.port.find_first_not_of("0123456789") == std::string_view::npos && parts.port.size() <= 5;
    return is_bracketed && is_number && !parts.host.empty() ? std::optional{parts} : std::nullopt;
}

/// Whether it is an IPv4 address, or an IPv6 address in brackets.
bool is_address(std::string_view host) {
    std::array<unsigned char, 16> bytes{};
    const bool is_bracketed = host.starts_with('[') && host.ends_with(']');
    const std::string text{is_bracketed ? host.substr(1, host.size() - 2) : host};
    return inet_pton(is_bracketed ? AF_INET6 : AF_INET, text.c_str(), bytes.data()) == 1;
}

}  // namespace

host_guard::host_guard(std::string address, bool is_loopback, std::vector<std::string> hosts)
    : host_{address.substr(0, address.rfind(':'))},
      port_{address.substr(address.rfind(':') + 1)},
      is_loopback_{is_loopback} {
    for (const std::string& each : hosts) {
        listed_.push_back(http::lower_case(each));
    }
}

bool host_guard::allows(std::string_view host, std::string_view port, const asking_client& client) const {
    if (!is_loopback_ && (client.has_token || is_address(host))) {
        return true;
    }
    const bool is_local =
        (is_loopback_ || client.is_on_loopback) && (host == "localhost" || host == "127.0.0.1" || host == "[::1]");
    if (port == port_ && (host == host_ || is_local)) {
        return true;
    }
    const std::string with_port = std::string{host} + ":" + std::string{port};
    return std::ranges::any_of(listed_, [&](const std::string& each) { return each == host || each == with_port; });
}

bool host_guard::allows_host(std::string_view host, const asking_client& client) const {
    const std::string text = http::lower_case(host);
    const auto parts = split(text);
    return parts && allows(parts->host, parts->port.empty() ? "80" : parts->port, client);
}

bool host_guard::allows_origin(std::string_view origin, const asking_client& client) const {
    const std::string text = http::lower_case(origin);
    constexpr std::string_view http = "http://";
    constexpr std::string_view https = "https://";
    const std::string_view scheme = text.starts_with(http) ? http : https;
    if (!text.starts_with(scheme)) {
        return false;
    }
    const auto parts = split(std::string_view{text}.substr(scheme.size()));
    return parts && allows(parts->host, !parts->port.empty() ? parts->port : scheme == http ? "80" : "443", client);
}

}  // namespace gatherd::api::admin
