#include "api/server/net/outbox.hpp"

#include <asio/error.hpp>
#include <catch2/catch.hpp>
#include <cstdint>
#include <string>

#include "idle_service.hpp"
#include "socket_pair.hpp"

namespace gatherd::api::server {

using tests::idle_service, tests::socket_pair;

TEST_CASE("outbox: the first message asks for a write, those after it go with it", "[server]") {
    idle_service service;
    outbox out{service.of.state()};
    socket_pair sockets;
    CHECK_FALSE(out.add("[0]", true));  // the end of the turn writes
    CHECK(out.add("[1]", false));
    CHECK_FALSE(out.add("[2]", false));
    CHECK_FALSE(out.claim_write());
    CHECK_FALSE(out.empty());
    asio::error_code failed;
    out.write_some(sockets.ours(), failed);
    CHECK_FALSE(failed);
    CHECK(sockets.read() == "[0]\n[1]\n[2]\n");
    CHECK(out.empty());
    CHECK(out.progress() == 12);
    CHECK(out.claim_write());  // it was written: the next one asks again
}

TEST_CASE("outbox: a message that stands alone is written by the thread that adds it, one in a burst", "[server]") {
    idle_service service;
    outbox out{service.of.state()};
    socket_pair sockets;
    CHECK_FALSE(out.add_or_write("[0]", 1, sockets.ours()));
    CHECK(sockets.read() == "[0]\n");
    CHECK(out.empty());
    CHECK(out.progress() == 4);
    CHECK(out.unread() == 0);
    CHECK(out.add_or_write("[1]", 1, sockets.ours()));  // of the same burst: it asks for a write
    CHECK_FALSE(out.add_or_write("[2]", 2, sockets.ours()));
    CHECK(sockets.read().empty());  // [1] goes first
    CHECK(out.unread() == 8);
    asio::error_code failed;
    out.write_some(sockets.ours(), failed);
    CHECK(sockets.read() == "[1]\n[2]\n");
    CHECK_FALSE(out.add_or_write("[3]", 3, sockets.ours()));
    CHECK(sockets.read() == "[3]\n");
    out.close();
    CHECK_FALSE(out.add_or_write("[4]", 4, sockets.ours()));
    CHECK(sockets.read().empty());
}

TEST_CASE("outbox: the worker writes what is long, and what is behind messages that it has begun to write",
          "[server]") {
    idle_service service;
    outbox out{service.of.state()};
    socket_pair sockets;
    const std::string large(std::size_t{3} << 20, 'x');
    CHECK(out.add_or_write(large, 1, sockets.ours()));
    CHECK(sockets.read().empty());
    asio::error_code failed;
    std::string got;
    while (failed != asio::error::would_block) {
        failed = {};
        out.write_some(sockets.ours(), failed);
    }
    CHECK(out.is_writing());
    got += sockets.read();
    CHECK(out.add_or_write("[1]", 2, sockets.ours()));
    while (!out.empty()) {
        failed = {};
        out.write_some(sockets.ours(), failed);
        got += sockets.read();
    }
    CHECK(got == large + "\n[1]\n");
}

TEST_CASE("outbox: what a full socket does not take of a message waits for the worker", "[server]") {
    idle_service service;
    outbox out{service.of.state()};
    socket_pair sockets;
    const std::string message(8000, 'x');
    std::uint64_t burst = 0;
    std::size_t added = 1;
    while (!out.add_or_write(message, ++burst, sockets.ours())) {
        ++added;
    }
    std::string got;
    while (!out.empty()) {
        CHECK(out.unread() + out.progress() == added * (message.size() + 1));
        got += sockets.read();
        asio::error_code failed;
        out.write_some(sockets.ours(), failed);
    }
    got += sockets.read();
    CHECK(got.size() == added * (message.size() + 1));
    CHECK(out.unread() == 0);
}

TEST_CASE("outbox: it frames as the client speaks", "[server]") {
    idle_service service;
    outbox out{service.of.state()};
    socket_pair sockets;
    out.speak(protocol::framing::content_length);
    CHECK(out.add("[1]", false));
    asio::error_code failed;
    out.write_some(sockets.ours(), failed);
    CHECK(sockets.read() == "Content-Length: 3\r\n\r\n[1]");
}

TEST_CASE("outbox: what a client does not read waits, and is written when it reads", "[server]") {
    idle_service service;
    outbox out{service.of.state()};
    socket_pair sockets;
    const std::string large(std::size_t{3} << 20, 'x');
    CHECK(out.add(large, false));
    CHECK(out.held_bytes() > large.size());
    asio::error_code failed;
    std::string got;
    while (!out.empty()) {
        failed = {};
        out.write_some(sockets.ours(), failed);
        CHECK(out.unread() + out.progress() == large.size() + 1);
        if (failed) {
            REQUIRE(failed == asio::error::would_block);
            CHECK(out.is_writing());
        }
        got += sockets.read();
    }
    got += sockets.read();
    CHECK(got == large + "\n");
}

TEST_CASE("outbox: where nothing waits, it keeps no large buffer", "[server]") {
    constexpr std::size_t least = 4096;
    idle_service service;
    outbox out{service.of.state()};
    socket_pair sockets;
    const std::string answer(14'000, 'x');
    CHECK_FALSE(out.add_or_write(answer, 1, sockets.ours()));
    CHECK(out.held_bytes() <= least);
    CHECK(out.add(answer, false));
    CHECK(out.held_bytes() > answer.size());
    asio::error_code failed;
    out.write_some(sockets.ours(), failed);
    CHECK(out.held_bytes() <= least);
    CHECK(sockets.read().size() == 2 * (answer.size() + 1));
}

TEST_CASE("transport: what the other end has read is seen before there is room to write more", "[server]") {
    idle_service service;
    outbox out{service.of.state()};
    socket_pair sockets;
    CHECK_FALSE(out.add_or_write("[1]", 1, sockets.ours()));
    CHECK(sockets.ours().unacknowledged() > 0);
    CHECK(sockets.read() == "[1]\n");
    CHECK(sockets.ours().unacknowledged() == 0);
}

TEST_CASE("outbox: closed, it takes nothing", "[server]") {
    idle_service service;
    outbox out{service.of.state()};
    CHECK(out.add("[1]", false));
    out.close();
    CHECK(out.empty());
    CHECK_FALSE(out.add("[2]", false));
    CHECK(out.empty());
}

}  // namespace gatherd::api::server
