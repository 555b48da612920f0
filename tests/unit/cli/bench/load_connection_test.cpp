#include "cli/bench/load_connection.hpp"

#include <catch2/catch.hpp>

#include <asio.hpp>
#include <optional>

using namespace gatherd::cli::bench;
using asio::ip::tcp;

namespace {

constexpr std::string_view right_answer = R"(,"result":[null]})";

/// A connection with a server's end that the test speaks.
struct pair_of_ends {
    explicit pair_of_ends(std::size_t pipeline, std::optional<std::string> answer, bool any_result = false)
        : shapes{{.after_id = ",x\n", .tasks = 1, .answer = std::move(answer)}} {
        tcp::acceptor acceptor{context, {asio::ip::address_v4::loopback(), 0}};
        tcp::socket client{context};
        client.connect(acceptor.local_endpoint());
        server = acceptor.accept();
        link.emplace(std::move(client), pipeline, shapes, any_result, out);
    }

    /// Asks for the only shape; gives what the server then reads.
    std::string ask() {
        link->ask(0, load_connection::clock::now());
        link->flush();
        asio::streambuf got;
        const auto size = asio::read_until(server, got, '\n');
        return {asio::buffers_begin(got.data()), asio::buffers_begin(got.data()) + static_cast<std::ptrdiff_t>(size)};
    }

    /// Sends this from the server, and gives what ended by it, once something has, or what was told of the connection.
    std::vector<ended_request> hear(std::string_view text) {
        asio::write(server, asio::buffer(text));
        return read();
    }
    std::vector<ended_request> read() {
        std::vector<ended_request> ended;
        std::vector<char> scratch(64);
        while (ended.empty() && !link->is_lost()) {
            link->read_some(scratch, ended);
        }
        return ended;
    }

    asio::io_context context;
    workload shapes;
    std::string out;
    tcp::socket server{context};
    std::optional<load_connection> link;
};

std::string answer(int id, std::string_view rest = right_answer) {
    return R"({"jsonrpc":"2.0","id":)" + std::to_string(id) + std::string{rest} + "\n";
}

}  // namespace

TEST_CASE("load_connection: an answer ends the request of its id, in any order", "[bench]") {
    pair_of_ends ends{2, ",\"result\":[null]}\n"};
    CHECK(ends.ask() == "{\"id\":0,x\n");
    CHECK(ends.ask() == "{\"id\":1,x\n");
    CHECK_FALSE(ends.link->has_room());
    auto ended = ends.hear(answer(1));
    REQUIRE(ended.size() == 1);
    CHECK(ended[0].how == ending::right);
    CHECK(ended[0].tasks == 1);
    CHECK(ends.link->in_flight() == 1);
    CHECK(ends.ask() == "{\"id\":3,x\n");  // no id comes twice
    CHECK(ends.hear(answer(0))[0].how == ending::right);
    CHECK(ends.hear(answer(3))[0].how == ending::right);
    CHECK(ends.link->in_flight() == 0);
    CHECK(ends.link->complaint().empty());
}

TEST_CASE("load_connection: an answer may come in pieces", "[bench]") {
    pair_of_ends ends{1, ",\"result\":[null]}\n"};
    (void)ends.ask();
    std::vector<ended_request> ended;
    std::vector<char> scratch(1);  // one byte a read, however many have come
    asio::write(ends.server, asio::buffer(answer(0)));
    while (ended.empty()) {
        ends.link->read_some(scratch, ended);
    }
    REQUIRE(ended.size() == 1);
    CHECK(ended[0].how == ending::right);
}

TEST_CASE("load_connection: errors are told by their code", "[bench]") {
    pair_of_ends ends{1, ",\"result\":[null]}\n"};
    (void)ends.ask();
    const auto ended = ends.hear(answer(0, R"(,"error":{"code":-32003,"message":"Overloaded"}})"));
    REQUIRE(ended.size() == 1);
    CHECK(ended[0].how == ending::error);
    CHECK(ended[0].code == -32003);
    CHECK(ends.link->in_flight() == 0);
}

TEST_CASE("load_connection: a result that is spelt in another way is right, another one is wrong", "[bench]") {
    pair_of_ends ends{1, ",\"result\":[null]}\n"};
    (void)ends.ask();
    CHECK(ends.hear("{\"id\": 0, \"jsonrpc\": \"2.0\", \"result\": [ null ]}\n")[0].how == ending::right);
    (void)ends.ask();
    CHECK(ends.hear(answer(1, R"(,"result":[1]})"))[0].how == ending::wrong);
    (void)ends.ask();
    CHECK(ends.hear(answer(2, R"(,"result":[null,null]})"))[0].how == ending::wrong);
    CHECK(ends.link->complaint().find("[1]") != std::string::npos);
}

TEST_CASE("load_connection: an answer to nothing that was asked, and what is no answer, are told", "[bench]") {
    pair_of_ends ends{1, ",\"result\":[null]}\n"};
    (void)ends.ask();
    CHECK(ends.hear(answer(5))[0].how == ending::unasked);
    CHECK(ends.hear("nonsense\n")[0].how == ending::wrong);
    CHECK(ends.link->in_flight() == 1);
    CHECK(ends.hear(answer(0))[0].how == ending::right);
    CHECK(ends.hear(answer(0))[0].how == ending::unasked);  // a second time
}

TEST_CASE("load_connection: the first result is what all others must be, unless any will do", "[bench]") {
    SECTION("learnt") {
        pair_of_ends ends{1, std::nullopt};
        (void)ends.ask();
        CHECK(ends.hear(answer(0, R"(,"result":[7]})"))[0].how == ending::right);
        (void)ends.ask();
        CHECK(ends.hear(answer(1, R"(,"result":[8]})"))[0].how == ending::wrong);
    }
    SECTION("any") {
        pair_of_ends ends{1, std::nullopt, true};
        (void)ends.ask();
        CHECK(ends.hear(answer(0, R"(,"result":[7]})"))[0].how == ending::right);
        (void)ends.ask();
        CHECK(ends.hear(answer(1, R"(,"result":[8]})"))[0].how == ending::right);
    }
}

TEST_CASE("load_connection: notifications end nothing", "[bench]") {
    pair_of_ends ends{1, ",\"result\":[null]}\n"};
    (void)ends.ask();
    const auto ended = ends.hear(
        "{\"jsonrpc\":\"2.0\",\"method\":\"output\",\"params\":{\"request\":0,\"text\":\"x\"}}\n" + answer(0));
    REQUIRE(ended.size() == 1);
    CHECK(ended[0].how == ending::right);
}

TEST_CASE("load_connection: a server that goes away is a lost connection", "[bench]") {
    pair_of_ends ends{1, std::nullopt};
    (void)ends.ask();
    ends.server.close();
    CHECK(ends.read().empty());
    CHECK(ends.link->is_lost());
    CHECK(ends.link->in_flight() == 1);
}
