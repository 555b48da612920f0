#include "api/protocol/json_value.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "api/protocol/json_writer.hpp"
#include "api/protocol/message_decoder.hpp"
#include "padded.hpp"

namespace gatherd::api::protocol {
namespace {

value decoded(std::string_view params) {
    message_decoder decoder;
    const padded text{R"({"method":"m","params":)" + std::string{params} + "}"};
    return protocol::to_value(*std::get<request>(decoder.decode(text.text()).items.at(0)).params);
}

std::string round_trip(std::string_view params) {
    std::string out;
    protocol::append_value(out, decoded(params));
    return out;
}

}  // namespace

TEST_CASE("json_value: what was decoded is written as it came", "[protocol]") {
    for (
        const std::string_view text :
        {R"([])", R"({})", R"([null,true,false])", R"({"z":1,"a":{"y":[2],"b":3},"m":[]})",
         R"([9223372036854775807,-9223372036854775808,18446744073709551615,0.1,1e+300,-0.0,5e-324,100000.0,1e+16,1e-05])",
         R"(["\"\\\n\u0001","é😀/",""])"}) {
        CHECK(round_trip(text) == text);
    }
}

TEST_CASE("json_value: integers and doubles keep their types", "[protocol]") {
    const auto v = decoded("[1,1.0,-1,18446744073709551615,1e2]");
    CHECK(v[0].type() == value::value_t::number_integer);
    CHECK(v[1].type() == value::value_t::number_float);
    CHECK(v[2].type() == value::value_t::number_integer);
    CHECK(v[3].type() == value::value_t::number_unsigned);
    CHECK(v[4].type() == value::value_t::number_float);
}

TEST_CASE("json_value: of duplicate names the first one's place and the last one's value", "[protocol]") {
    CHECK(round_trip(R"({"a":1,"b":2,"a":[3]})") == R"({"a":[3],"b":2})");
    SECTION("in large objects too") {
        std::string text = "{";
        std::string expected = "{";
        for (int i = 0; i < 100; ++i) {
            const auto name = "\"k" + std::to_string(i) + "\":";
            text += name + "0,";
            expected += name + (i % 3 == 0 ? "2," : i % 3 == 1 ? "1," : "0,");
        }
        for (int i = 0; i < 100; ++i) {
            text += i % 3 != 2 ? "\"k" + std::to_string(i) + "\":1," : "";
        }
        for (int i = 0; i < 100; i += 3) {
            text += "\"k" + std::to_string(i) + "\":2,";
        }
        text.back() = '}';
        expected.back() = '}';
        CHECK(round_trip(text) == expected);
    }
}

TEST_CASE("json_value: an object of 100000 members is taken whole", "[protocol]") {
    std::string text = "{";
    for (int i = 0; i < 100'000; ++i) {
        text += "\"member" + std::to_string(i) + "\":" + std::to_string(i) + ",";
    }
    text.back() = '}';
    CHECK(round_trip(text) == text);
}

}  // namespace gatherd::api::protocol
