#include "api/protocol/json_writer.hpp"

#include <catch2/catch.hpp>
#include <limits>
#include <nlohmann/json.hpp>
#include <random>

namespace gatherd::api::protocol {
namespace {

std::string written(double number) {
    std::string out;
    protocol::append_double(out, number);
    return out;
}

std::string written(std::string_view text) {
    std::string out;
    protocol::append_string(out, text);
    return out;
}

}  // namespace

TEST_CASE("json_writer: doubles look as Python's repr shows them", "[protocol]") {
    CHECK(written(0.0) == "0.0");
    CHECK(written(-0.0) == "-0.0");
    CHECK(written(1.0) == "1.0");
    CHECK(written(0.1) == "0.1");
    CHECK(written(-2.5) == "-2.5");
    CHECK(written(100000.0) == "100000.0");
    CHECK(written(123456.789) == "123456.789");
    CHECK(written(1e15) == "1000000000000000.0");
    CHECK(written(1234567890123456.0) == "1234567890123456.0");
    CHECK(written(1e16) == "1e+16");
    CHECK(written(12345678901234567000.0) == "1.2345678901234567e+19");
    CHECK(written(1e22) == "1e+22");
    CHECK(written(1e100) == "1e+100");
    CHECK(written(0.001) == "0.001");
    CHECK(written(0.0001) == "0.0001");
    CHECK(written(0.00012) == "0.00012");
    CHECK(written(0.00001) == "1e-05");
    CHECK(written(1.5e-7) == "1.5e-07");
    CHECK(written(5e-324) == "5e-324");
    CHECK(written(1.7976931348623157e308) == "1.7976931348623157e+308");
    CHECK(written(1.0 / 3) == "0.3333333333333333");
    CHECK(written(0.1 + 0.2) == "0.30000000000000004");
}

TEST_CASE("json_writer: any finite double reads back the same", "[protocol]") {
    std::mt19937_64 random{20240607};
    for (int i = 0; i < 20'000; ++i) {
        const auto bits = random();
        double number = 0;
        std::memcpy(&number, &bits, sizeof number);
        if (!std::isfinite(number)) {
            continue;
        }
        const auto text = written(number);
        REQUIRE(std::strtod(text.c_str(), nullptr) == number);
        REQUIRE(nlohmann::json::parse(text).is_number_float());
    }
}

TEST_CASE("json_writer: what is no finite number becomes null", "[protocol]") {
    CHECK(written(std::numeric_limits<double>::infinity()) == "null");
    CHECK(written(-std::numeric_limits<double>::infinity()) == "null");
    CHECK(written(std::numeric_limits<double>::quiet_NaN()) == "null");
}

TEST_CASE("json_writer: strings are escaped only as JSON needs", "[protocol]") {
    CHECK(written("") == R"("")");
    CHECK(written("a\"b\\c/d") == R"("a\"b\\c/d")");
    CHECK(written("\b\f\n\r\t") == R"("\b\f\n\r\t")");
    CHECK(written(std::string_view{"\0\x1f\x7f", 3}) == "\"\\u0000\\u001f\x7f\"");
    CHECK(written("é😀<>&'") == "\"é😀<>&'\"");
}

TEST_CASE("json_writer: integers are exact to both ends", "[protocol]") {
    std::string out;
    protocol::append_integer(out, std::numeric_limits<std::int64_t>::min());
    out += ' ';
    protocol::append_unsigned(out, std::numeric_limits<std::uint64_t>::max());
    CHECK(out == "-9223372036854775808 18446744073709551615");
}

TEST_CASE("json_writer: values are written compactly, members in their order", "[protocol]") {
    const auto text = R"({"b":[1,-2,3.5,"x",null,true,false,[],{}],"a":{"c":{}}})";
    std::string out = ">";
    protocol::append_value(out, value::parse(text));
    CHECK(out == std::string{">"} + text);
}

}  // namespace gatherd::api::protocol
