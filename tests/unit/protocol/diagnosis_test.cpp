#include "api/protocol/diagnosis.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <string>

namespace gatherd::api::protocol {
namespace {

std::string id_of(std::string_view text) {
    const auto found = diagnose(text, {.id_bytes = 8}).id;
    return found.is_absent() ? "-" : std::string{found.text()};
}

std::string huge_of(std::string_view text) {
    const auto found = diagnose(text, {}).huge;
    return !found ? "none" : (found->is_in_params ? "params " : "message ") + found->pointer;
}

const std::string digits(400, '7');

}  // namespace

TEST_CASE("diagnosis: the id of a request is found, also in the beginning of one", "[protocol]") {
    CHECK(id_of(R"({"id":7,"params":[[)") == "7");
    CHECK(id_of(R"({ "id" : "\u0041b" , "params":[[)") == R"("Ab")");
    CHECK(id_of(R"({"\u0069d":1.50,"params":[[)") == "1.5");
    CHECK(id_of(R"({"id":18446744073709551615,)") == "18446744073709551615");
    CHECK(id_of(R"({"id":-0,)") == "0");
    CHECK(id_of(R"({"id":1,"id":2,"params":[[)") == "2");
    CHECK(id_of(R"({"params":[[]],"method":1})") == "-");
    CHECK(id_of(R"({"x":{"id":7},"params":[[)") == "-");
    CHECK(id_of(R"({"id":true,"params":[[)") == "null");
    CHECK(id_of(R"({"id":1,"id":[[)") == "null");
    CHECK(id_of(R"({"id":"12345678"})") == R"("12345678")");
    CHECK(id_of(R"({"id":"123456789"})") == "null");
    CHECK(id_of(R"({"id":18446744073709551616})") == "null");
    CHECK(id_of(R"([{"id":7,"params":[)") == "-");
    CHECK(id_of(R"({"params":[)" + digits + R"(],"id":7})") == "7");
    CHECK(diagnose("[1", {}).is_batch);
    CHECK_FALSE(diagnose("{\"a\":[]}", {}).is_batch);
}

TEST_CASE("diagnosis: the first integer out of range is found, with the way to it", "[protocol]") {
    CHECK(huge_of(R"({"params":[18446744073709551616]})") == "params /0");
    CHECK(huge_of(R"({"params":[1,[2,{"a/b":[0,0,-9223372036854775809]}]]})") == "params /1/1/a~1b/2");
    CHECK(huge_of(R"({"params":{"x":{},"t~":99999999999999999999,"u":99999999999999999999}})") == "params /t~0");
    CHECK(huge_of(R"({"params":{"task":{"value":)" + digits + "}}}") == "params /task/value");
    CHECK(huge_of(R"([{},{"params":[18446744073709551616]}])") == "params /0");
    CHECK(huge_of(R"({"id":18446744073709551616,"params":[1]})") == "message /id");
    CHECK(huge_of(R"({"params":18446744073709551616})") == "message /params");
    CHECK(huge_of("18446744073709551616") == "message ");
    for (const std::string number : {"18446744073709551615", "-9223372036854775808", "18446744073709551616.0", "1e19",
                                     "\"18446744073709551616\""}) {
        CHECK(huge_of(R"({"params":[)" + number + "]}") == "none");
    }
}

TEST_CASE("diagnosis: what is no JSON is said, in printable ASCII", "[protocol]") {
    CHECK(diagnose(R"({"id":1})", {}).fault.empty());
    const auto fault_of = [](std::string_view text) {
        auto fault = diagnose(text, {}).fault;
        CHECK_FALSE(fault.empty());
        CHECK(fault.size() < 300);
        CHECK(std::all_of(fault.begin(), fault.end(), [](char c) { return c >= ' ' && c <= '~'; }));
        return fault;
    };
    CHECK_THAT(fault_of("{\"id\":1,\n\"method\":\"\xFF\"}"), Catch::Contains("line 2") && Catch::Contains("UTF-8"));
    CHECK_THAT(fault_of("[1e" + std::string(5000, '9') + "]"), Catch::Contains("number overflow"));
    CHECK_THAT(fault_of("[" + digits + ", tru]"), Catch::Contains("column 407"));
    CHECK_THAT(fault_of("\xEF\xBB\xBF{}"), Catch::Contains("byte order mark"));
    CHECK_THAT(fault_of(std::string_view{"[1]\0", 4}), Catch::Contains("zero byte"));
    CHECK_THAT(fault_of("[tru]"), Catch::Contains("line 1"));
    CHECK_THAT(fault_of(""), Catch::Contains("unexpected end"));
}

TEST_CASE("diagnosis: levels beyond the limit are not looked into", "[protocol]") {
    const std::string deep = R"({"id":7,"params":)" + std::string(100'000, '[');
    CHECK(diagnose(deep, {.depth = 3}).id.text() == "7");
    CHECK(diagnose(deep, {.depth = 3}).fault.empty());
}

}  // namespace gatherd::api::protocol
