#include "api/process/peer_process.hpp"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <utility>
#include <vector>

#include <catch2/catch.hpp>

#include "api/process/descriptor.hpp"

namespace {

using gatherd::api::process::descriptor;
using gatherd::api::process::peer_process, gatherd::api::process::socket_owners;

struct connected {
    descriptor accepted;
    descriptor client;
};

/// A client of family `client_family` at a listener of `family`; one of IPv6 takes both.
connected connect_at(int family, int client_family) {
    const descriptor listener{socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    sockaddr_storage bound{};
    bound.ss_family = static_cast<sa_family_t>(family);
    socklen_t size = sizeof(sockaddr_in6);
    if (family == AF_UNIX) {
        size = sizeof(sa_family_t);  // the kernel gives it a name
    }
    REQUIRE(bind(listener.number(), reinterpret_cast<const sockaddr*>(&bound), size) == 0);
    REQUIRE(listen(listener.number(), 1) == 0);
    size = sizeof bound;
    REQUIRE(getsockname(listener.number(), reinterpret_cast<sockaddr*>(&bound), &size) == 0);
    if (family == AF_INET6) {
        reinterpret_cast<sockaddr_in6&>(bound).sin6_addr = in6addr_loopback;
    }
    if (client_family == AF_INET) {
        const in_port_t port = family == AF_INET6 ? reinterpret_cast<const sockaddr_in6&>(bound).sin6_port
                                                  : reinterpret_cast<const sockaddr_in&>(bound).sin_port;
        sockaddr_in four{};
        four.sin_family = AF_INET;
        four.sin_port = port;
        four.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        bound = {};
        std::memcpy(&bound, &four, sizeof four);
        size = sizeof four;
    }
    descriptor client{socket(client_family, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    REQUIRE(connect(client.number(), reinterpret_cast<const sockaddr*>(&bound), size) == 0);
    descriptor accepted{accept(listener.number(), nullptr, nullptr)};
    REQUIRE(accepted);
    return {std::move(accepted), std::move(client)};
}

pid_t leader_among(const descriptor& accepted, std::vector<pid_t> leaders) {
    const auto peer = peer_process::behind(accepted.number());
    CHECK_FALSE(peer->is_known());
    CHECK(peer->leader() == 0);
    socket_owners owners;
    peer->look_among(leaders, owners);
    CHECK(peer->is_known());
    return peer->leader();
}

}  // namespace

TEST_CASE("peer process: the process group at the other end of a connection on this machine is found") {
    using families = std::pair<int, int>;
    for (const auto& [family, client_family] :
         {families{AF_UNIX, AF_UNIX}, {AF_INET, AF_INET}, {AF_INET6, AF_INET6}, {AF_INET6, AF_INET}}) {
        CAPTURE(family, client_family);
        const connected pair = connect_at(family, client_family);
        CHECK(leader_among(pair.accepted, {1, getpgrp()}) == getpgrp());
        CHECK(leader_among(pair.accepted, {1}) == 0);
        CHECK(leader_among(pair.accepted, {}) == 0);
    }
}

TEST_CASE("peer process: what was found stays, and who has gone is nobody's") {
    connected pair = connect_at(AF_INET, AF_INET);
    const auto peer = peer_process::behind(pair.accepted.number());
    const std::array<pid_t, 1> own{getpgrp()};
    socket_owners owners;
    peer->look_among(own, owners);
    CHECK(peer->leader() == getpgrp());
    const auto late = peer_process::behind(pair.accepted.number());
    pair.client = descriptor{};
    CHECK(peer->leader() == getpgrp());
    late->look_among(own, owners);
    CHECK(late->leader() == 0);
}

TEST_CASE("peer process: one that is known is itself, or of the group of one") {
    socket_owners owners;
    peer_process self{getpid()};
    const std::array<pid_t, 2> those{1, getpid()};
    self.look_among(those, owners);
    CHECK(self.leader() == getpid());
    peer_process nobody{0};
    const std::array<pid_t, 1> own{getpgrp()};
    nobody.look_among(own, owners);
    CHECK(nobody.leader() == 0);
    peer_process ended{1 << 30};
    ended.look_among(own, owners);
    CHECK(ended.leader() == 0);
}

TEST_CASE("peer process: what was read serves connections that came before, and no later ones") {
    socket_owners owners;
    const std::array<pid_t, 1> own{getpgrp()};
    const connected early = connect_at(AF_INET, AF_INET);
    const auto first = peer_process::behind(early.accepted.number());
    const auto second = peer_process::behind(early.accepted.number());
    first->look_among(own, owners);
    CHECK(first->leader() == getpgrp());
    second->look_among({}, owners);  // nothing was read again: it would be nobody's
    CHECK(second->leader() == getpgrp());
    const connected later = connect_at(AF_INET, AF_INET);
    const auto third = peer_process::behind(later.accepted.number());
    third->look_among(own, owners);
    CHECK(third->leader() == getpgrp());
}

TEST_CASE("peer process: who listens at a port is not the peer that has it") {
    const descriptor listener{socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    sockaddr_in bound{};
    bound.sin_family = AF_INET;
    socklen_t size = sizeof bound;
    REQUIRE(bind(listener.number(), reinterpret_cast<const sockaddr*>(&bound), size) == 0);
    REQUIRE(listen(listener.number(), 1) == 0);
    REQUIRE(getsockname(listener.number(), reinterpret_cast<sockaddr*>(&bound), &size) == 0);
    sockaddr_in6 peer{};  // 203.0.113.7, which is none of this system's
    peer.sin6_family = AF_INET6;
    peer.sin6_port = bound.sin_port;
    peer.sin6_addr = {{{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 203, 0, 113, 7}}};
    sockaddr_in6 ours = peer;
    ours.sin6_port = htons(7117);
    peer_process far{ours, peer};
    socket_owners owners;
    const std::array<pid_t, 1> own{getpgrp()};
    far.look_among(own, owners);
    CHECK(far.leader() == 0);
}
