#include "api/server/socket_options.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

namespace gatherd::api::server {
namespace {

constexpr int dead_peer_milliseconds = 60'000;  // without an acknowledgement of what was sent
constexpr int keepalive_idle_seconds = 30;      // then a probe each ten seconds
constexpr int keepalive_interval_seconds = 10;
constexpr int keepalive_probes = 3;

void set_option(int socket, int level, int name, int number) noexcept {
    static_cast<void>(setsockopt(socket, level, name, &number, sizeof number));  // it would only make it better
}

}  // namespace

void set_client_options(int socket) noexcept {
    set_option(socket, SOL_SOCKET, SO_KEEPALIVE, 1);
    set_option(socket, IPPROTO_TCP, TCP_NODELAY, 1);
    set_option(socket, IPPROTO_TCP, TCP_USER_TIMEOUT, dead_peer_milliseconds);
    set_option(socket, IPPROTO_TCP, TCP_KEEPIDLE, keepalive_idle_seconds);
    set_option(socket, IPPROTO_TCP, TCP_KEEPINTVL, keepalive_interval_seconds);
    set_option(socket, IPPROTO_TCP, TCP_KEEPCNT, keepalive_probes);
}

}  // namespace gatherd::api::server
