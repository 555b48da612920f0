#include "api/protocol/reference_decoder.hpp"

#include <catch2/catch.hpp>

namespace gatherd::api::protocol {

TEST_CASE("reference_decoder: integers outside the range are found, and only those", "[protocol]") {
    const auto count = [](std::string_view text) { return find_huge_integers(text).size(); };
    CHECK(count("[18446744073709551615,-9223372036854775808,9223372036854775808,0]") == 0);
    CHECK(count("[18446744073709551616,-9223372036854775809,-18446744073709551615]") == 3);
    CHECK(count("[\"18446744073709551616\",\"\\\"18446744073709551616\",18446744073709551616.5]") == 0);
    const auto found = find_huge_integers(R"({"a": -123456789012345678901 })");
    REQUIRE(found.size() == 1);
    CHECK(found[0].position == 6);
    CHECK(found[0].size == 22);
}

TEST_CASE("reference_decoder: replaced integers leave all else in its place", "[protocol]") {
    const std::string_view text = "[18446744073709551616, 1]";
    CHECK(replace_integers(text, find_huge_integers(text), "0") == "[0                   , 1]");
}

TEST_CASE("reference_decoder: what is JSON has no fault", "[protocol]") {
    CHECK_FALSE(fault_of("[18446744073709551616]"));
    CHECK_FALSE(fault_of("[" + std::string(1000, '9') + "]"));
    CHECK_FALSE(fault_of(R"(["\ud83d\ude00"])"));
    CHECK(fault_of("[1e999]"));
    CHECK(fault_of("\xEF\xBB\xBF[]"));
    CHECK(fault_of(std::string_view{"[]\0x", 4}));
    CHECK(fault_of("[1] 2"));
    CHECK(fault_of(R"(["\udc00"])"));
}

}  // namespace gatherd::api::protocol
