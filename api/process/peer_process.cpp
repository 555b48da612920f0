#include "api/process/peer_process.hpp"

#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <cstring>
#include <exception>
#include <filesystem>
#include <string>
#include <string_view>
#include <system_error>

#include "api/process/descriptor.hpp"

namespace gatherd::api::process {
namespace {

constexpr std::size_t bytes_before_four = 12;  // of an IPv4 address that is written as an IPv6 one

/// An IPv4 address as IPv6 writes it.
sockaddr_in6 as_ipv6(const sockaddr_storage& end) noexcept {
    sockaddr_in6 six{};
    if (end.ss_family == AF_INET) {
        sockaddr_in four{};
        std::memcpy(&four, &end, sizeof four);
        six.sin6_family = AF_INET6;
        six.sin6_port = four.sin_port;
        six.sin6_addr.s6_addr[10] = six.sin6_addr.s6_addr[11] = 0xff;
        std::memcpy(&six.sin6_addr.s6_addr[bytes_before_four], &four.sin_addr, sizeof four.sin_addr);
    } else if (end.ss_family == AF_INET6) {
        std::memcpy(&six, &end, sizeof six);
    }
    return six;
}

/// As sock_diag takes it: of an IPv4 address its four bytes, whatever the socket is.
void write_address(const in6_addr& address, __be32 (&words)[4]) noexcept {
    if (IN6_IS_ADDR_V4MAPPED(&address)) {
        std::memcpy(words, &address.s6_addr[bytes_before_four], sizeof(__be32));
    } else {
        std::memcpy(words, &address, sizeof address);
    }
}

/// Of the TCP socket of this system that is bound to the one end and connected to the other; 0: there is none.
std::uint32_t inode_of(const sockaddr_in6& bound, const sockaddr_in6& connected) noexcept {
    struct {
        nlmsghdr header;
        inet_diag_req_v2 asked;
    } request{};
    request.header.nlmsg_len = sizeof request;
    request.header.nlmsg_type = SOCK_DIAG_BY_FAMILY;
    request.header.nlmsg_flags = NLM_F_REQUEST;
    request.asked.sdiag_family = IN6_IS_ADDR_V4MAPPED(&bound.sin6_addr) ? AF_INET : AF_INET6;
    request.asked.sdiag_protocol = IPPROTO_TCP;
    request.asked.idiag_states = ~0U;
    inet_diag_sockid& ends = request.asked.id;
    ends.idiag_sport = bound.sin6_port;
    ends.idiag_dport = connected.sin6_port;
    write_address(bound.sin6_addr, ends.idiag_src);
    write_address(connected.sin6_addr, ends.idiag_dst);
    ends.idiag_cookie[0] = ends.idiag_cookie[1] = INET_DIAG_NOCOOKIE;

    constexpr std::uint8_t listening = 10;  // TCP_LISTEN: it has the port, and is nobody's peer
    struct {
        nlmsghdr header;
        inet_diag_msg found;
        char attributes[2048];
    } reply{};
    const descriptor kernel{socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG)};
    const bool is_sent = kernel && send(kernel.number(), &request, sizeof request, 0) == ssize_t{sizeof request};
    const ssize_t size = is_sent ? recv(kernel.number(), &reply, sizeof reply, MSG_DONTWAIT) : 0;  // answered in send
    const bool is_found =
        size >= ssize_t{offsetof(decltype(reply), attributes)} && reply.header.nlmsg_type == SOCK_DIAG_BY_FAMILY;
    return is_found && reply.found.idiag_state != listening ? reply.found.idiag_inode : 0;
}

using std::filesystem::directory_iterator, std::filesystem::path;

/// Calls it with each entry of a folder. Of one that we may not read there are none.
template <typename Call>
void each_in(const path& folder, Call call) {
    std::error_code failed;
    for (directory_iterator each{folder, failed}; !failed && each != directory_iterator{}; each.increment(failed)) {
        call(each->path());
    }
}

/// The number at the start of a text; 0: none is there.
template <typename Number>
Number number_in(std::string_view text) noexcept {
    Number number = 0;
    std::from_chars(text.data(), text.data() + text.size(), number);
    return number;
}

}  // namespace

pid_t socket_owners::group_with(std::uint32_t inode, clock::time_point since, std::span<const pid_t> leaders) {
    const std::lock_guard guard{lock_};
    if (read_at_ <= since) {
        read_at_ = clock::now();
        groups_.clear();
        each_in("/proc", [&](const path& process) {
            const auto number = number_in<pid_t>(process.filename().native());
            const pid_t group = number == 0 ? 0 : getpgid(number);
            if (std::find(leaders.begin(), leaders.end(), group) == leaders.end()) {
                return;
            }
            each_in(process / "fd", [&](const path& each) {
                std::error_code closed;
                const std::string target = read_symlink(each, closed);
                if (constexpr std::string_view socket = "socket:["; target.starts_with(socket)) {
                    groups_.emplace(number_in<std::uint32_t>(std::string_view{target}.substr(socket.size())), group);
                }
            });
        });
    }
    const auto found = groups_.find(inode);
    return found == groups_.end() ? 0 : found->second;
}

std::shared_ptr<peer_process> peer_process::behind(int socket) {
    sockaddr_storage own{};
    socklen_t size = sizeof own;
    getsockname(socket, reinterpret_cast<sockaddr*>(&own), &size);
    if (own.ss_family == AF_UNIX) {
        ucred who{};
        size = sizeof who;
        getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &who, &size);
        return std::make_shared<peer_process>(who.pid);
    }
    sockaddr_storage peer{};
    size = sizeof peer;
    getpeername(socket, reinterpret_cast<sockaddr*>(&peer), &size);
    return std::make_shared<peer_process>(as_ipv6(own), as_ipv6(peer));
}

void peer_process::look_among(std::span<const pid_t> leaders, socket_owners& owners) noexcept {
    pid_t found = 0;
    if (pid_ != 0) {
        const pid_t group = getpgid(pid_);  // what one of them starts is of its group
        const auto is_it = [&](pid_t each) { return each == pid_ || each == group; };
        const auto at = std::find_if(leaders.begin(), leaders.end(), is_it);
        found = at == leaders.end() ? 0 : *at;
    } else if (const std::uint32_t inode = own_.sin6_family == AF_UNSPEC ? 0 : inode_of(peer_, own_); inode != 0) {
        try {
            found = owners.group_with(inode, since_, leaders);
        } catch (const std::exception&) {  // no memory to look with: as if it were not allowed
        }
    }
    leader_.store(found, std::memory_order_relaxed);
}

pid_t peer_process::leader() const noexcept {
    return std::max(leader_.load(std::memory_order_relaxed), 0);
}

}  // namespace gatherd::api::process
