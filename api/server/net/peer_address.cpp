#include "api/server/net/peer_address.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <cstring>

namespace gatherd::api::server {
namespace {

constexpr std::size_t network_bytes = 8;       // of an IPv6 address: /64
constexpr std::size_t bytes_before_four = 12;  // of an IPv4 address that is written as an IPv6 one

}  // namespace

peer_address peer_address_of(const sockaddr& end, std::size_t size) {
    peer_address found{};
    if (end.sa_family == AF_INET) {
        sockaddr_in four{};
        std::memcpy(&four, &end, std::min(size, sizeof four));
        std::memcpy(found.data() + bytes_before_four, &four.sin_addr, sizeof four.sin_addr);
        found[10] = found[11] = 0xff;  // as an IPv6 address says it
    } else if (end.sa_family == AF_INET6) {
        sockaddr_in6 six{};
        std::memcpy(&six, &end, std::min(size, sizeof six));
        const bool is_four = IN6_IS_ADDR_V4MAPPED(&six.sin6_addr);
        std::memcpy(found.data(), &six.sin6_addr, is_four ? found.size() : network_bytes);
        found[15] = is_four ? found[15] : 1;  // ::/64 is counted, too
    }
    return found;
}

std::string text_of(const peer_address& peer) {
    if (peer == peer_address{}) {
        return "a Unix socket";
    }
    in6_addr address{};
    std::memcpy(&address, peer.data(), peer.size());
    std::array<char, INET6_ADDRSTRLEN> text{};
    if (IN6_IS_ADDR_V4MAPPED(&address)) {
        return inet_ntop(AF_INET, peer.data() + bytes_before_four, text.data(), text.size());
    }
    std::fill(std::begin(address.s6_addr) + network_bytes, std::end(address.s6_addr), 0);
    return std::string{inet_ntop(AF_INET6, &address, text.data(), text.size())} + "/64";
}

}  // namespace gatherd::api::server
