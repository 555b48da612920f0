#include "api/protocol/response.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

namespace gatherd::api::protocol {

TEST_CASE("response: members come in their order", "[protocol]") {
    std::string out;
    append_result(out, request_id{"\"a\\u0062\""}, value::parse(R"({"z":[1.0],"a":null})"));
    CHECK(out == R"({"jsonrpc":"2.0","id":"a\u0062","result":{"z":[1.0],"a":null}})");

    out.clear();
    append_result_head(out, request_id{"1"});
    out += "[1,2]}";
    CHECK(out == R"({"jsonrpc":"2.0","id":1,"result":[1,2]})");

    out.clear();
    append_notification(out, "output", value::parse(R"({"request":1,"text":"x"})"));
    CHECK(out == R"({"jsonrpc":"2.0","method":"output","params":{"request":1,"text":"x"}})");
}

TEST_CASE("response: a notification's request is its id", "[protocol]") {
    std::string out = "before";
    append_notification(out, "output", request_id{"1.50"}, value{{"text", "x"}});
    CHECK(out == R"(before{"jsonrpc":"2.0","method":"output","params":{"request":1.50,"text":"x"}})");
    out.clear();
    append_notification(out, "output", request_id{"\"a\""}, value::object());
    CHECK(out == R"({"jsonrpc":"2.0","method":"output","params":{"request":"a"}})");
}

TEST_CASE("response: an error has data only where there is some", "[protocol]") {
    std::string out;
    append_error(out, request_id{"1"}, {errc::method_not_found, "no \"x\""});
    CHECK(out == R"({"jsonrpc":"2.0","id":1,"error":{"code":-32601,"message":"no \"x\""}})");
    out.clear();
    append_error(out, refusal{{}, {errc::limit_exceeded, "deep", std::make_shared<const value>(value{{"max", 5}})}});
    CHECK(out == R"({"jsonrpc":"2.0","id":null,"error":{"code":-32006,"message":"deep","data":{"max":5}}})");
}

TEST_CASE("response: messages are framed as the client speaks", "[protocol]") {
    std::string out;
    append_framed(out, framing::json_lines, "{}");
    append_framed(out, framing::undecided, "[]");
    CHECK(out == "{}\n[]\n");
    out.clear();
    append_framed(out, framing::content_length, "{\"é\":1}");
    CHECK(out == "Content-Length: 8\r\n\r\n{\"é\":1}");
}

}  // namespace gatherd::api::protocol
