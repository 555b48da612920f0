// The examples of the JSON-RPC 2.0 specification whose outcome does not hang on what its methods do.
#include <catch2/catch.hpp>

#include "answered.hpp"
#include "api/protocol/frame_reader.hpp"
#include "frames_of.hpp"

namespace gatherd::api::protocol {
namespace {

// What a stream of bytes is, item by item.
items understood(std::string_view bytes) {
    frame_reader reader;
    message_decoder decoder;
    items all;
    reader.feed(bytes);
    while (const auto found = next_scanned(reader, decoder)) {
        if (found->kind != frame_kind::message) {
            all.push_back(std::to_string(static_cast<int>(found->answer->reason.code)) + " " +
                          std::string{found->answer->id.text()});
            continue;
        }
        for (auto& item : described(decoder.decode(found->text))) {
            all.push_back(std::move(item));
        }
    }
    return all;
}

}  // namespace

TEST_CASE("JSON-RPC: calls with positional parameters", "[protocol]") {
    CHECK(understood(R"({"jsonrpc": "2.0", "method": "subtract", "params": [42, 23], "id": 1})") ==
          items{"subtract 1"});
}

TEST_CASE("JSON-RPC: calls with named parameters", "[protocol]") {
    CHECK(understood(
              R"({"jsonrpc": "2.0", "method": "subtract", "params": {"minuend": 42, "subtrahend": 23}, "id": 4})") ==
          items{"subtract 4"});
}

TEST_CASE("JSON-RPC: notifications", "[protocol]") {
    CHECK(understood(R"({"jsonrpc": "2.0", "method": "update", "params": [1,2,3,4,5]})") == items{"update -"});
    CHECK(understood(R"({"jsonrpc": "2.0", "method": "foobar"})") == items{"foobar -"});
}

TEST_CASE("JSON-RPC: a call with invalid JSON", "[protocol]") {
    CHECK(understood("{\"jsonrpc\": \"2.0\", \"method\": \"foobar, \"params\": \"bar\", \"baz]\n") ==
          items{"-32700 null"});
}

TEST_CASE("JSON-RPC: a call with an invalid request object", "[protocol]") {
    CHECK(understood(R"({"jsonrpc": "2.0", "method": 1, "params": "bar"})") == items{"-32600 null"});
}

TEST_CASE("JSON-RPC: a batch with invalid JSON", "[protocol]") {
    CHECK(understood("[\n  {\"jsonrpc\": \"2.0\", \"method\": \"sum\", \"params\": [1,2,4], \"id\": \"1\"},\n"
                     "  {\"jsonrpc\": \"2.0\", \"method\"\n]\n{\"id\":1,\"method\":\"ping\"}\n") ==
          items{"-32700 null", "ping 1"});
}

TEST_CASE("JSON-RPC: a batch with an empty array", "[protocol]") {
    CHECK(understood("[]") == items{"-32600 null"});
}

TEST_CASE("JSON-RPC: invalid batches", "[protocol]") {
    CHECK(understood("[1]") == items{"-32600 null"});
    CHECK(understood("[1,2,3]") == items{"-32600 null", "-32600 null", "-32600 null"});
}

TEST_CASE("JSON-RPC: a mixed batch", "[protocol]") {
    CHECK(understood(R"([
        {"jsonrpc": "2.0", "method": "sum", "params": [1,2,4], "id": "1"},
        {"jsonrpc": "2.0", "method": "notify_hello", "params": [7]},
        {"jsonrpc": "2.0", "method": "subtract", "params": [42,23], "id": "2"},
        {"foo": "boo"},
        {"jsonrpc": "2.0", "method": "foo.get", "params": {"name": "myself"}, "id": "5"},
        {"jsonrpc": "2.0", "method": "get_data", "id": "9"}
    ])") == items{"sum \"1\"", "notify_hello -", "subtract \"2\"", "-32600 null", "foo.get \"5\"", "get_data \"9\""});
}

TEST_CASE("JSON-RPC: a batch of notifications only", "[protocol]") {
    CHECK(understood(R"([{"jsonrpc": "2.0", "method": "notify_sum", "params": [1,2,4]},
                         {"jsonrpc": "2.0", "method": "notify_hello", "params": [7]}])") ==
          items{"notify_sum -", "notify_hello -"});
}

}  // namespace gatherd::api::protocol
