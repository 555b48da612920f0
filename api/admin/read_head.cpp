#include "api/admin/read_head.hpp"

#include <microhttpd.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <charconv>
#include <cstdint>
#include <exception>
#include <string>
#include <string_view>
#include <utility>

#include "api/http/lower_case.hpp"

namespace gatherd::api::admin {
namespace {

/// What a socket says of an end of its connection.
sockaddr_storage end_of(int socket, bool is_ours, socklen_t& size) noexcept {
    sockaddr_storage end{};
    size = sizeof end;
    auto* const at = reinterpret_cast<sockaddr*>(&end);
    static_cast<void>(is_ours ? getsockname(socket, at, &size) : getpeername(socket, at, &size));
    return end;
}

bool is_loopback(const sockaddr_storage& at) noexcept {
    constexpr std::uint32_t loopback_net = 127;
    if (at.ss_family == AF_INET) {
        return ntohl(reinterpret_cast<const sockaddr_in&>(at).sin_addr.s_addr) >> 24 == loopback_net;
    }
    return at.ss_family == AF_INET6 && IN6_IS_ADDR_LOOPBACK(&reinterpret_cast<const sockaddr_in6&>(at).sin6_addr) != 0;
}

std::string text_of(const char* text, std::size_t size) {
    return text == nullptr ? std::string{} : std::string{text, size};
}

/// Collects what the routes look at.
void take_header(request_head& head, const std::string& name, const std::string& value) {
    if (name == "host") {
        head.hosts.push_back(value);
    } else if (name == "origin") {
        head.origins.push_back(value);
    } else if (name == "authorization") {
        head.authorizations.push_back(value);
    } else if (name == "traceparent") {
        head.trace_parents.push_back(value);
    } else if (name == "content-type") {
        head.content_type += value;
    } else if (name == "content-encoding") {
        head.content_encoding += value;
    } else if (name == "transfer-encoding") {
        if (std::exchange(head.is_chunked, true) || http::lower_case(value) != "chunked") {
            head.fault = "of Transfer-Encoding only chunked is understood";
        }
    } else if (name == "content-length") {
        std::uint64_t bytes = 0;
        std::from_chars(value.data(), value.data() + value.size(), bytes);  // libmicrohttpd has seen that it is one
        if (head.content_length && *head.content_length != bytes) {
            head.fault = "two different Content-Length";
        }
        head.content_length = bytes;
    }
}

MHD_Result note_header(void* into, MHD_ValueKind /*kind*/, const char* name, std::size_t name_size, const char* value,
                       std::size_t value_size) noexcept {
    try {
        take_header(*static_cast<request_head*>(into), http::lower_case({name, name_size}), text_of(value, value_size));
        return MHD_YES;
    } catch (const std::exception&) {
        return MHD_NO;
    }
}

MHD_Result note_argument(void* into, MHD_ValueKind /*kind*/, const char* name, std::size_t name_size, const char* value,
                         std::size_t value_size) noexcept {
    try {
        static_cast<request_head*>(into)->query.emplace_back(text_of(name, name_size), text_of(value, value_size));
        return MHD_YES;
    } catch (const std::exception&) {
        return MHD_NO;
    }
}

}  // namespace

bool has_nul(const char* target) noexcept {
    return std::string_view{target}.find("%00") != std::string_view::npos;
}

request_head read_head(MHD_Connection* connection, const char* url, const char* method, int socket) {
    request_head head{.method = method, .path = url, .socket = socket};
    MHD_get_connection_values_n(connection, MHD_HEADER_KIND, &note_header, &head);
    MHD_get_connection_values_n(connection, MHD_GET_ARGUMENT_KIND, &note_argument, &head);
    if (head.is_chunked && head.content_length) {  // a proxy may have taken the other one
        head.fault = "both Transfer-Encoding and Content-Length";
    }
    socklen_t size = 0;
    const auto peer = end_of(socket, false, size);
    head.peer = server::peer_address_of(reinterpret_cast<const sockaddr&>(peer), size);
    socklen_t own_size = 0;
    head.is_on_loopback = is_loopback(peer) && is_loopback(end_of(socket, true, own_size));
    return head;
}

}  // namespace gatherd::api::admin
