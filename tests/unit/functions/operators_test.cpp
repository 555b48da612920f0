#include "api/functions/families.hpp"

#include <cstdint>
#include <string>

#include <catch2/catch.hpp>

#include "tests/unit/functions/recording_context.hpp"

using gatherd::api::value;
using gatherd::api::functions::tests::recording_context;

namespace {

std::string applied(const char* name, value a, value b) {
    return recording_context{}.call(std::string{"operator."} + name, {std::move(a), std::move(b)}).dump();
}

std::string refusal(const char* name, value a, value b) {
    return recording_context{}.raises(std::string{"operator."} + name, {std::move(a), std::move(b)});
}

const value none = value::array();

}  // namespace

TEST_CASE("operator.eq: numbers are equal exactly, objects whatever their order", "[functions]") {
    CHECK(applied("eq", 1, 1.0) == "true");
    CHECK(applied("eq", true, 1) == "true");
    CHECK(applied("eq", 9007199254740993, 9007199254740992.0) == "false");
    CHECK(applied("eq", -0.0, 0) == "true");
    CHECK(applied("eq", nullptr, nullptr) == "true");
    CHECK(applied("eq", nullptr, 0) == "false");
    CHECK(applied("eq", "1", 1) == "false");
    CHECK(applied("eq", {{"a", 1}, {"b", {1, 2}}}, {{"b", {true, 2.0}}, {"a", 1}}) == "true");
    CHECK(applied("ne", {{"a", 1}}, {{"b", 1}}) == "true");
    CHECK(applied("ne", {1, 2}, {1, 2, 3}) == "true");
}

TEST_CASE("operator.lt and the like: numbers, texts and lists have an order", "[functions]") {
    CHECK(applied("lt", 1, 1.5) == "true");
    CHECK(applied("le", 2, 2.0) == "true");
    CHECK(applied("gt", "b", "a") == "true");
    CHECK(applied("lt", "z", "é") == "true");
    CHECK(applied("ge", {1, 2}, {1, 2}) == "true");
    CHECK(applied("lt", {1, nullptr}, {2, nullptr}) == "true");
    CHECK(applied("lt", std::uint64_t{18446744073709551615U}, 18446744073709551616.0) == "true");
    CHECK(applied("gt", 1e300, std::uint64_t{18446744073709551615U}) == "true");
    CHECK(refusal("lt", nullptr, nullptr) ==
          "TypeError: operator.lt(): a and b have no order: 'NoneType' and 'NoneType'");
    CHECK(refusal("ge", "1", 1) == "TypeError: operator.ge(): a and b have no order: 'str' and 'int'");
    CHECK(refusal("le", value{{"a", 1}}, value{{"a", 1}}).starts_with("TypeError: operator.le()"));
}

TEST_CASE("operator.not_: null, false, zero and what is empty are not true", "[functions]") {
    recording_context program;
    for (const value& untrue :
         {value(nullptr), value(false), value(0), value(0.0), value(-0.0), value(""), none, value::object()}) {
        CHECK(program.call("operator.not_", {untrue}) == true);
    }
    for (const value& truth :
         {value(true), value(-1), value(5e-324), value("0"), value::array({nullptr}), value{{"", 0}}}) {
        CHECK(program.call("operator.not_", {truth}) == false);
    }
}

TEST_CASE("operator.contains: looks into lists, texts and keys", "[functions]") {
    CHECK(applied("contains", {1, "a"}, true) == "true");
    CHECK(applied("contains", none, nullptr) == "false");
    CHECK(applied("contains", "né中", "é中") == "true");
    CHECK(applied("contains", "abc", "") == "true");
    CHECK(applied("contains", value{{"k", 1}}, "k") == "true");
    CHECK(applied("contains", value{{"k", 1}}, 1) == "false");
    CHECK(refusal("contains", "abc", 1) == "TypeError: operator.contains(): b must be a text, not the number 1");
    CHECK(refusal("contains", value{{"k", 1}}, none).starts_with("TypeError: operator.contains(): b must be a key"));
    CHECK(
        refusal("contains", 5, 1).starts_with("TypeError: operator.contains(): a must be a list, a text or an object"));
}

TEST_CASE("operator.getitem: counts from the end too, in code points", "[functions]") {
    CHECK(applied("getitem", {1, 2, 3}, 0) == "1");
    CHECK(applied("getitem", {1, 2, 3}, -1) == "3");
    CHECK(applied("getitem", {1, 2, 3}, true) == "2");
    CHECK(applied("getitem", "né中", -1) == R"("中")");
    CHECK(applied("getitem", value{{"k", {1}}}, "k") == "[1]");
    CHECK(refusal("getitem", {1, 2}, 2).starts_with("IndexError: operator.getitem(): b must be an index into 2 items"));
    CHECK(refusal("getitem", "ab", -3).starts_with("IndexError: "));
    CHECK(refusal("getitem", value{{"k", 1}}, "l") ==
          "KeyError: operator.getitem(): the object has no member the text 'l'");
    CHECK(refusal("getitem", value{{"k", 1}}, 0).starts_with("KeyError: "));
    CHECK(refusal("getitem", {1}, "0").starts_with("TypeError: operator.getitem(): b must be an integer"));
    CHECK(refusal("getitem", nullptr, 0).starts_with("TypeError: operator.getitem(): a must be"));
}
