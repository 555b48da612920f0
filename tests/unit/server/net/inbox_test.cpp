#include "api/server/net/inbox.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "allocated_elsewhere.hpp"
#include "api/protocol/message_decoder.hpp"
#include "api/server/net/turn.hpp"
#include "idle_service.hpp"
#include "socket_pair.hpp"

namespace gatherd::api::server {
namespace {

using tests::allocated_elsewhere, tests::grant, tests::idle_service, tests::socket_pair;

/// An inbox with its client at the other end.
struct fed_inbox {
    explicit fed_inbox(server_state& from) : in{from} {}

    /// The client sends that, and it is read.
    void feed(std::string_view bytes) {
        while (!bytes.empty()) {
            const std::string_view part = bytes.substr(0, bytes_read_a_turn);
            sockets.write(part);
            for (std::size_t got = 0; got < part.size();) {
                const auto piece = in.read_some(sockets.ours());
                REQUIRE_FALSE(piece.failed);
                in.keep(piece);
                got += piece.bytes;
            }
            bytes.remove_prefix(part.size());
        }
    }

    /// The next message's text, or which kind of frame else, or "nothing".
    [[nodiscard]] std::string next() {
        auto found = in.next();
        while (found && found->is_line && decoder.decode_line(found->text) == nullptr) {
            in.scan_line(found->text);
            found = in.next();
        }
        if (!found) {
            return "nothing";
        }
        return found->kind == protocol::frame_kind::message     ? std::string{found->text}
               : found->kind == protocol::frame_kind::too_large ? "too large"
                                                                : "another";
    }

    socket_pair sockets;
    inbox in;
    protocol::message_decoder decoder;
};

/// An array of so many bytes, without its bracket.
std::string open_array(std::size_t bytes) {
    std::string text(bytes, '1');
    text.front() = '[';
    return text;
}

constexpr std::size_t much = 200 * 1024;

}  // namespace

TEST_CASE("inbox: a message may come a byte at a time, and not before its last one", "[server]") {
    idle_service service;
    fed_inbox client{service.of.state()};
    const std::string message = R"({"id":1,"method":"ping"})";
    for (const char byte : message) {
        CHECK(client.next() == "nothing");
        client.feed({&byte, 1});
    }
    CHECK(client.next() == message);
    CHECK(client.next() == "nothing");
    CHECK_FALSE(client.in.mid_message());
}

TEST_CASE("inbox: messages that come together are handed out one by one", "[server]") {
    idle_service service;
    fed_inbox client{service.of.state()};
    client.feed("[1]\n[2][3]\n[4");
    CHECK(client.next() == "[1]");
    CHECK(client.next() == "[2]");
    CHECK(client.next() == "[3]");
    CHECK(client.next() == "nothing");
    CHECK(client.in.mid_message());
    client.feed("]");
    CHECK(client.next() == "[4]");
}

TEST_CASE("inbox: a piece that is not kept is forgotten", "[server]") {
    idle_service service;
    fed_inbox client{service.of.state()};
    client.sockets.write("[1]\n");
    const auto piece = client.in.read_some(client.sockets.ours());
    CHECK(piece.bytes == 4);
    CHECK(piece.is_all);
    CHECK(client.next() == "nothing");
    client.feed("[2]\n");
    CHECK(client.next() == "[2]");
}

TEST_CASE("inbox: a turn's read takes so much and no more, and says whether that was all", "[server]") {
    idle_service service;
    fed_inbox client{service.of.state()};
    client.sockets.write(std::string(bytes_read_a_turn + 1, ' '));
    const auto first = client.in.read_some(client.sockets.ours());
    CHECK(first.bytes == bytes_read_a_turn);
    CHECK_FALSE(first.is_all);
    client.in.keep(first);
    const auto second = client.in.read_some(client.sockets.ours());
    CHECK(second.bytes == 1);
    CHECK(second.is_all);
}

TEST_CASE("inbox: it tells how much memory a message takes, and gives that back with the message", "[server]") {
    idle_service service;
    fed_inbox client{service.of.state()};
    client.feed("[1," + std::string(much, '1'));
    CHECK(client.next() == "nothing");
    client.in.shrink();
    CHECK(client.in.held_bytes() >= much);
    client.feed("]\n");
    CHECK(client.next() == "[1," + std::string(much, '1') + "]");
    CHECK(client.next() == "nothing");
    client.in.shrink();
    CHECK(client.in.held_bytes() == 0);
}

TEST_CASE("inbox: above the high-water mark of memory it is large messages half read that wait", "[server]") {
    limits bounds;
    bounds.memory_bytes = 8 * much;
    idle_service service{bounds};
    fed_inbox client{service.of.state()};
    client.feed("[1,");
    CHECK(client.next() == "nothing");
    {
        const allocated_elsewhere others{8 * much};
        CHECK_FALSE(client.in.must_wait());  // small
        client.feed(std::string(much, '1'));
        CHECK(client.next() == "nothing");
        CHECK(client.in.must_wait());
    }
    CHECK_FALSE(client.in.must_wait());  // there is memory
    const allocated_elsewhere others{8 * much};
    client.in.shed(service.of.state().bounds());
    client.in.shrink();
    CHECK(client.in.held_bytes() == 0);
    CHECK_FALSE(client.in.must_wait());
    CHECK(client.next() == "nothing");
}

TEST_CASE("inbox: a large message that is whole does not wait", "[server]") {
    limits bounds;
    bounds.memory_bytes = much;
    idle_service service{bounds};
    const allocated_elsewhere others{2 * much};
    fed_inbox client{service.of.state()};
    const std::string message = open_array(much) + "]";
    client.feed(message + "\n");
    CHECK(client.next() == message);
    CHECK(client.next() == "nothing");
    CHECK_FALSE(client.in.must_wait());
}

TEST_CASE("inbox: a message has limits.message_bytes and not one more", "[server]") {
    limits bounds;
    bounds.message_bytes = 1000;
    idle_service service{bounds};
    fed_inbox client{service.of.state()};
    const std::string at_most = open_array(999) + "]";
    client.feed(at_most + "\n");
    CHECK(client.next() == at_most);
    client.feed(open_array(1001));
    CHECK(client.next() == "too large");
}

TEST_CASE("inbox: a client that is nobody yet may send 64 KiB at a time, until the limit is lifted", "[server]") {
    constexpr std::size_t most = 64 * 1024;
    idle_service service;
    service.of.change_tokens({grant("ci", "secret")});
    const std::string at_most = open_array(most - 1) + "]";
    const std::string larger = open_array(most) + "]";
    fed_inbox nobody{service.of.state()};
    nobody.feed(at_most + "\n");
    CHECK(nobody.next() == at_most);
    nobody.feed(larger + "\n");
    CHECK(nobody.next() == "too large");
    fed_inbox somebody{service.of.state()};
    somebody.in.lift_limit(service.of.state().bounds());
    somebody.feed(larger + "\n");
    CHECK(somebody.next() == larger);
}

TEST_CASE("inbox: of a client that has finished, a message half read is answered", "[server]") {
    idle_service service;
    fed_inbox client{service.of.state()};
    client.feed("[1]\n[2");
    client.in.finish();
    CHECK(client.next() == "[1]");
    const auto last = client.in.next();
    REQUIRE(last);
    CHECK(last->kind == protocol::frame_kind::malformed);
    CHECK(client.next() == "nothing");
}

}  // namespace gatherd::api::server
