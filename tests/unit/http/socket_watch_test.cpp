#include "api/http/socket_watch.hpp"

#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <asio/io_context.hpp>
#include <catch2/catch.hpp>
#include <memory>

using gatherd::api::http::socket_watch;

namespace {

/// Two connected sockets; the first one is watched.
struct pair_of_sockets {
    std::array<int, 2> ends{};

    pair_of_sockets() { REQUIRE(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends.data()) == 0); }
    ~pair_of_sockets() {
        close(ends[0]);
        close(ends[1]);
    }
    [[nodiscard]] int watched() const { return ends[0]; }
    void send() const { REQUIRE(write(ends[1], "x", 1) == 1); }
    void receive() const {
        char byte = 0;
        REQUIRE(read(ends[0], &byte, 1) == 1);
    }
};

struct counting_owner : socket_watch::owner {
    int readable = 0;
    void ready(int, bool is_readable, bool) override { readable += is_readable ? 1 : 0; }
};

struct watching {
    asio::io_context reactor{};
    socket_watch sockets{reactor};
    counting_owner owner{};
    std::shared_ptr<int> alive = std::make_shared<int>();

    watching() { sockets.start(alive); }
    ~watching() {
        sockets.stop();
        turn();
    }
    /// All that is ready now, but not for ever. Gives how many handlers ran.
    std::size_t turn() {
        constexpr std::size_t most = 100;
        std::size_t count = 0;
        reactor.restart();
        while (count < most && reactor.poll_one() > 0) {
            ++count;
        }
        return count;
    }
};

}  // namespace

TEST_CASE("socket_watch: a socket that rests tells nobody, and costs no turns while it is ready", "[http]") {
    const pair_of_sockets pair;
    watching all;
    all.sockets.watch(pair.watched(), true, false, all.owner);
    all.sockets.rest(pair.watched(), all.owner);
    pair.send();
    CHECK(all.turn() < 5);
    CHECK(all.turn() == 0);
    CHECK(all.owner.readable == 0);
    all.sockets.forget(pair.watched(), all.owner);
}

TEST_CASE("socket_watch: a socket that has rested is watched again", "[http]") {
    const pair_of_sockets pair;
    watching all;
    all.sockets.watch(pair.watched(), true, false, all.owner);
    all.sockets.rest(pair.watched(), all.owner);
    SECTION("and was not ready meanwhile") {}
    SECTION("and was ready meanwhile") {
        pair.send();
        all.turn();
        pair.receive();
    }
    SECTION("and is ready before anybody has looked") {
        pair.send();
        all.sockets.watch(pair.watched(), true, false, all.owner);
        all.turn();
        CHECK(all.owner.readable > 0);
        pair.receive();
    }
    all.sockets.watch(pair.watched(), true, false, all.owner);
    all.turn();
    all.owner.readable = 0;
    pair.send();
    all.turn();
    CHECK(all.owner.readable > 0);
    all.sockets.forget(pair.watched(), all.owner);
}

TEST_CASE("socket_watch: a number that a new socket has got is watched for the new one", "[http]") {
    watching all;
    const pair_of_sockets other;
    {
        const pair_of_sockets pair;
        all.sockets.watch(pair.watched(), true, false, all.owner);
        all.sockets.rest(pair.watched(), all.owner);
        all.sockets.forget(pair.watched(), all.owner);
    }
    const pair_of_sockets pair;
    all.sockets.watch(pair.watched(), true, false, all.owner);
    pair.send();
    all.turn();
    CHECK(all.owner.readable > 0);
    all.sockets.forget(pair.watched(), all.owner);
}
