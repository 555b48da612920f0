#include "cli/client/server_message.hpp"

#include <catch2/catch.hpp>

using gatherd::cli::parse_server_message;

TEST_CASE("server_message: a result is passed on as it was written", "[cli]") {
    const auto message = parse_server_message(R"({"jsonrpc":"2.0","id":1,"result":[1.0,1e+16,{"a":"}"}]})");
    REQUIRE(message);
    CHECK(message->id == 1);
    CHECK(message->result == R"([1.0,1e+16,{"a":"}"}])");
    CHECK_FALSE(message->is_notification());
}

TEST_CASE("server_message: a result in another order or with spaces is found too", "[cli]") {
    const auto message = parse_server_message(R"( {"id": 1, "result": [1, 2], "jsonrpc": "2.0"} )");
    REQUIRE(message);
    CHECK(message->id == 1);
    CHECK(message->result == "[1,2]");
}

TEST_CASE("server_message: an error may have no id", "[cli]") {
    const auto message = parse_server_message(R"({"jsonrpc":"2.0","id":null,"error":{"code":-32003,"message":"m"}})");
    REQUIRE(message);
    CHECK_FALSE(message->id);
    CHECK_FALSE(message->result);
    CHECK(message->error["code"] == -32003);
}

TEST_CASE("server_message: a notification has a method", "[cli]") {
    const auto message = parse_server_message(R"({"jsonrpc":"2.0","method":"output","params":{"text":"hi"}})");
    REQUIRE(message);
    CHECK(message->is_notification());
    CHECK(message->params["text"] == "hi");
    CHECK(parse_server_message(R"({"method":"x"})")->params.is_object());
}

TEST_CASE("server_message: what is no message is nothing", "[cli]") {
    const auto* const line = GENERATE("", "HTTP/1.1 400 Bad Request\r", "{", "[]", "{}", "7", R"({"id":1})",
                                      R"({"error":7})", R"({"jsonrpc":"2.0","id":1,"result")");
    CAPTURE(line);
    CHECK_FALSE(parse_server_message(line));
}
