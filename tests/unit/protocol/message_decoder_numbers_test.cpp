#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "answered.hpp"
#include "api/protocol/message_decoder.hpp"

namespace gatherd::api::protocol {
namespace {

std::string path_of(std::string_view text) {
    const auto answer = refused(text);
    CHECK(answer.reason.code == errc::invalid_params);
    return answer.reason.data->at("path").get<std::string>();
}

}  // namespace

TEST_CASE("message_decoder: integers that fit are exact", "[protocol]") {
    message_decoder decoder;
    const padded text{
        R"({"id":1,"method":"m","params":[-9223372036854775808,9223372036854775807,9223372036854775808,18446744073709551615]})"};
    const auto params = *std::get<request>(decoder.decode(text.text()).items.at(0)).params;
    auto item = params.items().begin();
    CHECK((*item).as_integer() == std::numeric_limits<std::int64_t>::min());
    CHECK((*++item).as_integer() == std::numeric_limits<std::int64_t>::max());
    CHECK((*++item).as_unsigned() == 9223372036854775808U);
    CHECK((*++item).as_unsigned() == std::numeric_limits<std::uint64_t>::max());
}

TEST_CASE("message_decoder: an integer out of range is an invalid param, with the way to it", "[protocol]") {
    CHECK(path_of(R"({"id":1,"method":"m","params":[18446744073709551616]})") == "/0");
    CHECK(path_of(R"({"id":1,"method":"m","params":[1,[2,{"a/b":[0,0,-9223372036854775809]}]]})") == "/1/1/a~1b/2");
    CHECK(
        path_of(
            R"({"id":1,"method":"m","params":{"x":{},"y":[[],{}],"t~":99999999999999999999,"u":99999999999999999999}})") ==
        "/t~0");
    CHECK(path_of(R"({"method":"m","params":{"task":{"value":)" + std::string(400, '7') + R"(}},"id":1})") ==
          "/task/value");
    CHECK(refused(R"({"id":1,"method":"m","params":[18446744073709551616]})").reason.message ==
          "the integer at /0 is outside [-2^63, 2^64)");
}

TEST_CASE("message_decoder: numbers with a fraction or an exponent, and digits in strings, are no integers",
          "[protocol]") {
    for (const std::string number : {"18446744073709551616.0", "1e19", "18446744073709551616e0",
                                     "\"18446744073709551616\"", "\"\\\"18446744073709551616\""}) {
        CHECK(described(R"({"id":1,"method":"m","params":[)" + number + "]}") == items{"m 1"});
    }
}

TEST_CASE("message_decoder: an integer out of range refuses the request, or the whole batch", "[protocol]") {
    CHECK(described(R"({"id":"\u0062","method":"b","params":[1,18446744073709551616]})") == items{"-32602 \"b\""});
    CHECK(
        described(
            R"([{"id":1,"method":"a"},{"id":2,"method":"b","params":[18446744073709551616]},{"id":3,"method":"c"}])") ==
        items{"-32602 null"});
    SECTION("outside the params it is an invalid request") {
        CHECK(described(R"({"id":18446744073709551616,"method":"a"})") == items{"-32600 null"});
        CHECK(described(R"({"id":1,"method":"a","x":18446744073709551616})") == items{"-32600 1"});
        CHECK(described(R"({"id":1,"method":18446744073709551616})") == items{"-32600 1"});
        CHECK(described("[18446744073709551616]") == items{"-32600 null"});
        CHECK(described("18446744073709551616") == items{"-32600 null"});
    }
    SECTION("a notification is told nothing") {
        CHECK(described(R"({"method":"a","params":[18446744073709551616]})").empty());
    }
}

TEST_CASE("message_decoder: what stands behind an integer that no double holds either is read", "[protocol]") {
    const std::string huge(400, '7');
    const std::string params = R"("params":[")" + huge + R"(",)" + huge + "," + huge + "]";
    CHECK(described(R"({"method":"m",)" + params + R"(,"id":"x"})") == items{R"(-32602 "x")"});
    CHECK(path_of(R"({"method":"m",)" + params + R"(,"id":"x"})") == "/1");
    CHECK(described(R"({"method":"m",)" + params + "}").empty());
    CHECK(described("[{" + params + "},{}]") == items{"-32602 null"});
    CHECK(described(R"({"method":"m",)" + params + R"(,"y":-)" + huge + "}").empty());
    CHECK(described(R"({"y":-)" + huge + R"(,"method":"m","id":1})") == items{"-32600 1"});
    CHECK(described(R"({"id":1,"method":"m",)" + params + R"(,"x":1e999})") == items{"-32700 null"});
    CHECK(described(R"({"id":1,"method":"m",)" + params + R"(,"x":)" + huge + "e1}") == items{"-32700 null"});
    CHECK(described(R"({"id":1,"method":"m",)" + params + R"(,"x":"\)" + R"(ud800"})") == items{"-32700 null"});
    CHECK(described(R"({"id":1,"method":"m","params":[)" + huge + "-1]}") == items{"-32700 null"});
    CHECK(described(R"({"id":1,"method":"m","params":[)" + huge + "," + "-0." + huge + "]}") == items{"-32602 1"});
    CHECK(described(R"({"id":1,"method":"m",)" + params + R"(,"x":0)" + huge + "}") == items{"-32700 null"});
}

}  // namespace gatherd::api::protocol
