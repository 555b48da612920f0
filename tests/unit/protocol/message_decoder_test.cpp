#include "api/protocol/message_decoder.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "answered.hpp"

namespace gatherd::api::protocol {

TEST_CASE("message_decoder: a request has a method, params and an id", "[protocol]") {
    message_decoder decoder;
    const padded text{R"({"jsonrpc":"2.0","id":7,"method":"run","params":{"task":{"value":1}}})"};
    const auto& m = decoder.decode(text.text());
    CHECK_FALSE(m.is_batch);
    REQUIRE(m.items.size() == 1);
    const auto& call = std::get<request>(m.items[0]);
    CHECK(call.method == "run");
    CHECK(call.id.text() == "7");
    REQUIRE(call.params);
    CHECK(call.params->find("task")->find("value")->as_integer() == 1);
}

TEST_CASE("message_decoder: jsonrpc may be left out, and params, and members that nobody knows are ignored",
          "[protocol]") {
    CHECK(described(R"({"id":1,"method":"ping"})") == items{"ping 1"});
    CHECK(described(R"({"id":1,"method":"ping","extra":{"id":2},"result":3})") == items{"ping 1"});
}

TEST_CASE("message_decoder: a request without id is a notification, one with id null is none", "[protocol]") {
    CHECK(described(R"({"method":"ping"})") == items{"ping -"});
    CHECK(described(R"({"id":null,"method":"ping"})") == items{"ping null"});
}

TEST_CASE("message_decoder: an id is echoed as the same value", "[protocol]") {
    const std::pair<std::string, std::string> ids[]{
        {"0", "0"},
        {"-0", "0"},
        {"1", "1"},
        {"-1", "-1"},
        {"9223372036854775807", "9223372036854775807"},
        {"-9223372036854775808", "-9223372036854775808"},
        {"18446744073709551615", "18446744073709551615"},
        {"0.0", "0.0"},
        {"-0.0", "-0.0"},
        {"1.50", "1.5"},
        {"1E2", "100.0"},
        {"5e-324", "5e-324"},
        {"\"\"", "\"\""},
        {"\"a\"", "\"a\""},
        {"\"\\u0061\"", "\"a\""},
        {"\"\\/\"", "\"/\""},
        {"\"é\"", "\"é\""},
        {"\"\\n\\u0000\"", "\"\\n\\u0000\""},
        {"\"a \\\" } , b\"", "\"a \\\" } , b\""},
    };
    for (const auto& [sent, echoed] : ids) {
        CAPTURE(sent);
        CHECK(described(R"({"id": )" + sent + R"( ,"method":"m"})") == items{"m " + echoed});
        CHECK(described(R"([{"id":5,"method":"n"},{"id":)" + sent + R"(,"method":"m"}])") ==
              items{"n 5", "m " + echoed});
    }
}

TEST_CASE("message_decoder: an id longer than its limit is refused with id null", "[protocol]") {
    const std::string longest(1024, 'x');
    CHECK(described(R"({"id":")" + longest + R"(","method":"m"})") == items{"m \"" + longest + "\""});
    CHECK(described(R"({"id":"x)" + longest + R"(","method":"m"})") == items{"-32006 null"});
    CHECK(described(R"([{"id":"x)" + longest + R"(","method":"m"},{"id":1,"method":"m"}])") ==
          items{"-32006 null", "m 1"});
    CHECK(*refused(R"({"id":"x)" + longest + R"("})").reason.data ==
          value::parse(R"({"limit":"limits.id_bytes","max":1024})"));
}

TEST_CASE("message_decoder: an id of another type is refused with id null", "[protocol]") {
    for (const std::string id : {"true", "false", "[]", "[1]", "{}", "{\"id\":1}"}) {
        CHECK(described(R"({"method":"m","id":)" + id + "}") == items{"-32600 null"});
    }
}

TEST_CASE("message_decoder: an invalid request is refused to its id", "[protocol]") {
    CHECK(described(R"({"id":1})") == items{"-32600 1"});
    CHECK(described(R"({"id":"a","method":5})") == items{"-32600 \"a\""});
    CHECK(described(R"({"id":1,"method":"m","jsonrpc":"1.0"})") == items{"-32600 1"});
    CHECK(described(R"({"id":1,"method":"m","jsonrpc":2.0})") == items{"-32600 1"});
    CHECK(described(R"({"id":1,"method":"m","jsonrpc":null})") == items{"-32600 1"});
    for (const std::string params : {"\"x\"", "1", "true", "null"}) {
        CHECK(described(R"({"id":1,"method":"m","params":)" + params + "}") == items{"-32600 1"});
    }
    CHECK(described("{}") == items{"-32600 null"});
    CHECK(described("5") == items{"-32600 null"});
    CHECK(refused(R"({"id":1,"method":5})").reason.message == "method must be a string, not a number");
}

TEST_CASE("message_decoder: of duplicate members the last one counts", "[protocol]") {
    CHECK(described(R"({"id":1,"method":"a","id":2,"method":"b"})") == items{"b 2"});
    CHECK(described(R"({"jsonrpc":"1.0","id":true,"method":5,"jsonrpc":"2.0","\u0069d":"x","method":"b"})") ==
          items{"b \"x\""});
    CHECK(described(R"({"id":1,"method":"a","id":{}})") == items{"-32600 null"});
}

TEST_CASE("message_decoder: a batch has its items in order", "[protocol]") {
    message_decoder decoder;
    const padded text{R"([{"id":1,"method":"a"},{"method":"b"},5,[],{"id":2}])"};
    const auto& m = decoder.decode(text.text());
    CHECK(m.is_batch);
    CHECK(described(m) == items{"a 1", "b -", "-32600 null", "-32600 null", "-32600 2"});
}

TEST_CASE("message_decoder: an empty batch is one invalid request", "[protocol]") {
    message_decoder decoder;
    const auto& m = decoder.decode(padded{"[]"}.text());
    CHECK_FALSE(m.is_batch);
    CHECK(described(m) == items{"-32600 null"});
}

TEST_CASE("message_decoder: text that is no JSON is refused whole", "[protocol]") {
    for (const std::string_view text :
         {R"({"id":1,"method":"\ud800"})", R"({"id":1,"method":"\udc00x"})", R"({"id":1,"method":"\ud800\u0041"})",
          "{\"id\":1,\"method\":\"\xFF\"}", "{\"id\":1,\"method\":\"\xC0\x80\"}",
          "{\"id\":1,\"method\":\"\xED\xA0\x80\"}", "\xEF\xBB\xBF{\"id\":1,\"method\":\"m\"}",
          R"({"id":NaN,"method":"m"})", R"([{"id":1,"method":"m"},{"id":2,"method":"m","params":[1e999]}])",
          R"({"id":1,"method":"m","params":[-1e400]})", R"({"id":1)", "", " ", R"({"id":01})",
          R"([{"id":1,"method":"m","params":[123456789012345678901234567890]},{"\udc00":1}])", "tru",
          R"({"id":1,"method":"m","x":nul})", R"({"id":1,"method":"m","x":"\x"})"}) {
        CAPTURE(text);
        CHECK(described(text) == items{"-32700 null"});
        message_decoder decoder;
        CHECK_FALSE(decoder.decode(padded{text}.text()).is_json);
    }
    message_decoder decoder;
    for (const std::string_view text : {"5", "[]", R"({"id":1})", R"({"id":1,"params":[18446744073709551616]})"}) {
        CHECK(decoder.decode(padded{text}.text()).is_json);
    }
}

TEST_CASE("message_decoder: of an answer that is no JSON the id before the fault is known", "[protocol]") {
    const auto call_of = [](const std::string& text) {
        message_decoder decoder;
        const auto refused = std::get<refusal>(decoder.decode(padded{text}.text()).items.at(0));
        CHECK(refused.id == request_id::null());
        return std::string{refused.call.text()};
    };
    CHECK(call_of(R"({"id":"5","result":[1e999]})") == R"("5")");
    CHECK(call_of("{\"id\":\"5\",\"result\":\"\xFF\"}") == R"("5")");
    CHECK(call_of(R"({"id":"5","result":"\ud800"})") == R"("5")");
    CHECK(call_of(R"({"id":"5","method":"run","params":[1e999]})") == "null");
    CHECK(call_of(R"({"result":[1e999],"id":"5"})") == "null");
    CHECK(call_of(R"([{"id":"5","result":1e999}])") == "null");
}

TEST_CASE("message_decoder: an error of the text says what and where, in ASCII", "[protocol]") {
    const auto message = refused("{\"id\":1,\n\"method\":\"\xFF\"}").reason.message;
    CHECK_THAT(message, Catch::Contains("line 2") && Catch::Contains("UTF-8"));
    CHECK(std::all_of(message.begin(), message.end(), [](char c) { return c >= ' ' && c <= '~'; }));
    CHECK(refused(R"({"id":1,"method":"m","params":[1e)" + std::string(5000, '9') + "]}").reason.message.size() < 300);
}

TEST_CASE("message_decoder: text nested too deep is over a limit", "[protocol]") {
    message_decoder decoder{{.depth = 4}};
    CHECK(described(decoder.decode(padded{R"({"id":1,"method":"m","params":[[[1]]]})"}.text())) == items{"m 1"});
    const auto& m = decoder.decode(padded{R"({"id":1,"method":"m","params":[[[[1]]]]})"}.text());
    CHECK(described(m) == items{"-32006 1"});
    CHECK(*std::get<refusal>(m.items[0]).reason.data == value::parse(R"({"limit":"limits.depth","max":4})"));
}

TEST_CASE("message_decoder: it is used again and again, for large and small", "[protocol]") {
    message_decoder decoder;
    for (int round = 0; round < 3; ++round) {
        const padded large{R"({"id":1,"method":"m","params":["")" + std::string{"\"]}"}};
        CHECK(described(decoder.decode(large.text())) == items{"-32700 null"});
        const padded big{R"({"id":1,"method":"m","params":[")" + std::string(std::size_t{1} << 20, 'x') + "\"]}"};
        const auto& m = decoder.decode(big.text());
        CHECK((*std::get<request>(m.items.at(0)).params->items().begin()).as_string().size() == std::size_t{1} << 20);
        decoder.shrink();
        CHECK(described(decoder.decode(padded{R"({"id":2,"method":"m"})"}.text())) == items{"m 2"});
    }
    auto moved = std::move(decoder);
    CHECK(described(moved.decode(padded{R"({"id":3,"method":"m"})"}.text())) == items{"m 3"});
}

}  // namespace gatherd::api::protocol
