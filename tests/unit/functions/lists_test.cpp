#include "api/functions/families.hpp"

#include <cstdint>
#include <limits>
#include <list>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "tests/unit/functions/recording_context.hpp"

using gatherd::api::value;
using gatherd::api::functions::tests::recording_context;
using gatherd::api::functions::tests::standard;

namespace {

constexpr std::uint64_t beyond_int64 = 18446744073709551615U;

}  // namespace

TEST_CASE("len: counts items, members and code points", "[functions]") {
    recording_context program;
    CHECK(program.call("len", {value::array({1, nullptr})}) == 2);
    CHECK(program.call("len", {value{{"a", 1}}}) == 1);
    CHECK(program.call("len", {"né中😀"}) == 4);
    CHECK(program.raises("len", {nullptr}) == "TypeError: len(): obj must be a list, a text or an object, not null");
}

TEST_CASE("range: is Python's, in either direction", "[functions]") {
    recording_context program;
    CHECK(program.call("range", {3}).dump() == "[0,1,2]");
    CHECK(program.call("range", {-1}).dump() == "[]");
    CHECK(program.call("range", {2, 10, 3}).dump() == "[2,5,8]");
    CHECK(program.call("range", {3, 0, -2}).dump() == "[3,1]");
    CHECK(program.call("range", {true, 3}).dump() == "[1,2]");
    CHECK(program.call("range", {beyond_int64 - 1, beyond_int64}).dump() == "[18446744073709551614]");
}

TEST_CASE("range: refuses what is no range, and what is too long to be a list", "[functions]") {
    recording_context program;
    CHECK(program.raises("range") ==
          "TypeError: range() takes stop, or start, stop and perhaps step: 0 arguments given");
    CHECK(program.raises("range", {1, 2, 3, 4}).starts_with("TypeError: range() takes"));
    CHECK(program.raises("range", {1.5}) == "TypeError: range(): stop must be an integer, not the number 1.5");
    CHECK(program.raises("range", {1, "2"}) == "TypeError: range(): stop must be an integer, not the text '2'");
    CHECK(program.raises("range", {1, 2, 0}) == "ValueError: range(): step must not be 0");
    CHECK(program.raises("range", {10000001}) == "OverflowError: range(): 10000001 integers are more than 10000000");
    CHECK(program.raises("range", {INT64_MIN, beyond_int64}).starts_with("OverflowError: "));
}

TEST_CASE("range: a long one goes to the compute pool", "[functions]") {
    const auto& f = *standard().find("range");
    const auto is_brief = [&f](const value::array_t& given) { return f.is_brief(given); };
    CHECK(is_brief({1024}));
    CHECK_FALSE(is_brief({1025}));
    CHECK(is_brief({INT64_MIN, INT64_MAX, INT64_MAX}));
    for (const value::array_t& wrong : {value::array_t{}, {"x"}, {1, 2, 0}, {1, 2, 3, 4}}) {
        CHECK(is_brief(wrong));  // it raises
    }
}

TEST_CASE("zip: ends with the shortest", "[functions]") {
    recording_context program;
    CHECK(program.call("zip").dump() == "[]");
    CHECK(program.call("zip", {{1, 2, 3}, "né", value{{"k", 0}, {"l", 0}}}).dump() == R"([[1,"n","k"],[2,"é","l"]])");
    CHECK(program.call("zip", {value::array({1}), value::array()}).dump() == "[]");
    CHECK(program.raises("zip", {1}) == "TypeError: zip(): each of lists must be a list, not the number 1");
}

TEST_CASE("min, max: of the arguments, or of the only one; of equals the first", "[functions]") {
    recording_context program;
    CHECK(program.call("min", {3, 1, 2}) == 1);
    CHECK(program.call("max", {{3, 1, 2}}) == 3);
    CHECK(program.call("min", {1, true, 1.0}).dump() == "1");
    CHECK(program.call("max", {true, 1, 1.0}).dump() == "true");
    CHECK(program.call("max", {"abc"}) == "c");
    CHECK(program.call("min", {{{2, "a"}, {1, "z"}}}).dump() == R"([1,"z"])");
    CHECK(program.raises("min") == "TypeError: min() takes at least one argument");
    CHECK(program.raises("max", {value::array()}) == "ValueError: max(): values must not be empty");
    CHECK(program.raises("min", {1, "a"}) == "TypeError: min(): the values have no order: 'str' and 'int'");
    CHECK(program.raises("max", {nullptr, nullptr}).starts_with("TypeError: max(): the values have no order"));
    CHECK(program.raises("max", {5}).starts_with("TypeError: max(): values, as the only argument, must be a list"));
}

TEST_CASE("sum: is exact until the first float", "[functions]") {
    recording_context program;
    CHECK(program.call("sum", {value::array()}) == 0);
    CHECK(program.call("sum", {{1, 2, 0.5}}).dump() == "3.5");
    CHECK(program.raises("sum", {{beyond_int64, 1}}).starts_with("OverflowError: "));
    CHECK(program.raises("sum", {{1, "a"}}) == "TypeError: sum(): each of values must be a number, not the text 'a'");
    CHECK(program.raises("sum", {"12"}) == "TypeError: sum(): each of values must be a number, not the text '1'");
}

TEST_CASE("sorted: is stable in both directions, exact among numbers, and by code points", "[functions]") {
    recording_context program;
    CHECK(program.call("sorted", {{3, 1, 2}}).dump() == "[1,2,3]");
    CHECK(program.call("sorted", {{1, true, 0, 1.0}, true}).dump() == "[1,true,1.0,0]");
    CHECK(program.call("sorted", {{9007199254740993, 9007199254740992.0, 9007199254740991}}).dump() ==
          "[9007199254740991,9.007199254740992e+15,9007199254740993]");
    CHECK(program.call("sorted", {"éaz中"}).dump() == R"(["a","z","é","中"])");
    CHECK(program.call("sorted", {{{1, 2}, value::array({1}), value::array()}}).dump() == "[[],[1],[1,2]]");
    CHECK(program.raises("sorted", {{1, "a"}}) == "TypeError: sorted(): the values have no order: 'str' and 'int'");
    CHECK(program.raises("sorted", {{{1, "a"}, {1, 2}}}) ==
          "TypeError: sorted(): the values have no order: 'int' and 'str'");
    CHECK(program.raises("sorted", {{1}, "x"}).starts_with("TypeError: sorted(): reverse must be true or false"));
}

TEST_CASE("sorted: many values, in parallel, are as stable", "[functions]") {
    constexpr int count = 100'000;
    constexpr int different = 1000;
    recording_context program;
    const bool is_reverse = GENERATE(false, true);
    value numbers = value::array();
    value texts = value::array();
    for (int i = 0; i < count; ++i) {
        const int n = static_cast<int>(std::int64_t{i} * 7919 % different);
        // 7 and 7.0 are equal, and differ as text.
        numbers.push_back(i % 2 == 0 ? value(n) : value(static_cast<double>(n)));
        texts.push_back(std::to_string(n));
    }
    const auto by_order = [is_reverse](const value& a, const value& b) { return is_reverse ? b < a : a < b; };
    for (const value& given : {numbers, texts}) {
        std::list<value> expected(given.begin(), given.end());
        expected.sort(by_order);  // is stable
        CHECK(program.call("sorted", {given, is_reverse}).dump() ==
              value(value::array_t(expected.begin(), expected.end())).dump());
    }

    numbers.push_back("7");
    CHECK(
        program.raises("sorted", {numbers, is_reverse}).starts_with("TypeError: sorted(): the values have no order: "));
    numbers.back() = std::numeric_limits<double>::quiet_NaN();
    CHECK(program.call("sorted", {numbers, is_reverse}).size() == numbers.size());
}
