#include "api/server/net/transport.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <catch2/catch.hpp>

namespace gatherd::api::server {
namespace {

/// A TCP connection of this host's to itself.
class tcp_pair {
public:
    tcp_pair() {
        const int door = ::socket(AF_INET, SOCK_STREAM, 0);
        sockaddr_in at{};
        at.sin_family = AF_INET;
        at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof at;
        auto* const generic = reinterpret_cast<sockaddr*>(&at);
        REQUIRE(::bind(door, generic, size) == 0);
        REQUIRE(::listen(door, 1) == 0);
        REQUIRE(::getsockname(door, generic, &size) == 0);
        theirs = ::socket(AF_INET, SOCK_STREAM, 0);
        REQUIRE(::connect(theirs, generic, size) == 0);
        own = ::accept(door, nullptr, nullptr);
        REQUIRE(own >= 0);
        ::close(door);
    }

    int own = -1;
    int theirs = -1;
};

transport transport_of(asio::io_context& context, int family, int own) {
    return {transport::socket_type{context, asio::generic::stream_protocol{family, 0}, own}, nullptr};
}

/// Waits until one of these events has come, or an error or a hang-up.
void wait_for(int socket, short events) {
    pollfd state{.fd = socket, .events = events, .revents = 0};
    REQUIRE(::poll(&state, 1, -1) == 1);
}

int option_of(int socket, int level, int name) {
    int number = -1;
    socklen_t size = sizeof number;
    REQUIRE(::getsockopt(socket, level, name, &number, &size) == 0);
    return number;
}

}  // namespace

TEST_CASE("transport: a TCP client that is gone without a word is found within two minutes", "[server]") {
    const tcp_pair ends;
    set_client_options(ends.own);
    CHECK(option_of(ends.own, SOL_SOCKET, SO_KEEPALIVE) == 1);
    const int idle = option_of(ends.own, IPPROTO_TCP, TCP_KEEPIDLE);
    const int interval = option_of(ends.own, IPPROTO_TCP, TCP_KEEPINTVL);
    const int probes = option_of(ends.own, IPPROTO_TCP, TCP_KEEPCNT);
    CHECK(idle + interval * probes < 120);
    CHECK(option_of(ends.own, IPPROTO_TCP, TCP_USER_TIMEOUT) < 120'000);
    ::close(ends.own);
    ::close(ends.theirs);
}

TEST_CASE("transport: a Unix socket has hung up when it is closed, not when it only ends its input", "[server]") {
    asio::io_context context;
    std::array<int, 2> ends{};
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM, 0, ends.data()) == 0);
    transport ours = transport_of(context, AF_UNIX, ends[0]);
    CHECK_FALSE(ours.has_hung_up());
    REQUIRE(::shutdown(ends[1], SHUT_WR) == 0);
    CHECK_FALSE(ours.has_hung_up());
    ::close(ends[1]);
    CHECK(ours.has_hung_up());
}

TEST_CASE("transport: a TCP client has hung up when it resets, not when it only ends its input", "[server]") {
    asio::io_context context;
    const tcp_pair ends;
    transport ours = transport_of(context, AF_INET, ends.own);
    REQUIRE(::shutdown(ends.theirs, SHUT_WR) == 0);
    wait_for(ends.own, POLLRDHUP);
    CHECK_FALSE(ours.has_hung_up());
    const linger at_once{.l_onoff = 1, .l_linger = 0};
    REQUIRE(::setsockopt(ends.theirs, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once) == 0);
    ::close(ends.theirs);
    wait_for(ends.own, 0);
    CHECK(ours.has_hung_up());
}

TEST_CASE("transport: urgent data is thrown away, so that a wait for errors does not end by it again", "[server]") {
    asio::io_context context;
    const tcp_pair ends;
    transport ours = transport_of(context, AF_INET, ends.own);
    REQUIRE(::send(ends.theirs, "!", 1, MSG_OOB) == 1);
    wait_for(ends.own, POLLPRI);
    CHECK_FALSE(ours.has_hung_up());
    pollfd state{.fd = ends.own, .events = POLLPRI, .revents = 0};
    CHECK(::poll(&state, 1, 0) == 0);
    ::close(ends.theirs);
}

}  // namespace gatherd::api::server
