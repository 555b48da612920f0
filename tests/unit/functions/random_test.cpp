/// \file
/// The draws of random.*, against those of CPython 3.11: random_table.jsonl, which make_random_table.py made.
#include "api/functions/families.hpp"

#include <bit>
#include <cmath>
#include <cstdint>
#include <fstream>
#include <set>
#include <string>

#include <catch2/catch.hpp>

#include "tests/unit/functions/recording_context.hpp"

using gatherd::api::value;
using gatherd::api::functions::tests::recording_context;
using gatherd::api::plan::python_random;
using gatherd::api::plan::raised;

namespace {

python_random seeded(const value& seed) {
    return seed.is_number_unsigned() ? python_random{seed.get<std::uint64_t>()}
                                     : python_random{seed.get<std::int64_t>()};
}

/// Equal to the last bit: 1 is not 1.0, nor 0.0 -0.0. (nlohmann's == takes them for the same.)
bool identical(const value& a, const value& b) {
    if (a.is_number_float() && b.is_number_float()) {
        return std::bit_cast<std::uint64_t>(a.get<double>()) == std::bit_cast<std::uint64_t>(b.get<double>());
    }
    if (a.is_array() && b.is_array()) {
        return std::equal(a.begin(), a.end(), b.begin(), b.end(), identical);
    }
    return a.is_number_float() == b.is_number_float() && a == b;
}

value outcome(recording_context& program, const std::string& name, const value& arguments) {
    try {
        return {{"value", program.call("random." + name, arguments.get<value::array_t>())}};
    } catch (const raised& e) {
        return {{"error", {e.type(), e.message()}}};
    }
}

/// An OverflowError's message is ours: CPython went on with a number that no answer could carry.
bool agrees(const value& expected, const value& actual) {
    if (expected.contains("value")) {
        return actual.contains("value") && identical(expected["value"], actual["value"]);
    }
    return actual.contains("error") && expected["error"][0] == actual["error"][0] &&
           (expected["error"][0].get<std::string>() == "OverflowError" || expected["error"][1] == actual["error"][1]);
}

}  // namespace

TEST_CASE("random: every draw and every error of a seeded program is CPython's", "[functions]") {
    std::ifstream table{GATHERD_RANDOM_TABLE};
    REQUIRE(table);
    std::size_t calls = 0;
    std::set<std::string> names;
    for (std::string line; std::getline(table, line);) {
        const value entry = value::parse(line);
        recording_context program{seeded(entry["seed"])};
        for (const value& call : entry["calls"]) {
            const auto name = call[0].get<std::string>();
            const value actual = outcome(program, name, call[1]);
            INFO("seed " << entry["seed"] << ": " << call << ", not " << actual);
            REQUIRE(agrees(call[2], actual));
            names.insert(name);
            ++calls;
        }
    }
    CHECK(calls > 4000);
    CHECK(names.size() == 11);
}

TEST_CASE("random: arguments that only some versions of Python refuse are 3.11's", "[functions]") {
    recording_context program;
    CHECK(program.call("random.randint", {3.0, 3}) == 3);
    CHECK(program.raises("random.randint", {1.5, 3}) == "ValueError: non-integer arg 1 for randrange()");
    CHECK(program.raises("random.randint", {"1", 3}) == "ValueError: non-integer arg 1 for randrange()");
    CHECK(program.raises("random.randint", {1, "3"}) == "TypeError: can only concatenate str (not \"int\") to str");
}

TEST_CASE("random: randrange counts its arguments when it runs", "[functions]") {
    recording_context program;
    CHECK(program.raises("random.randrange") == "TypeError: randrange() takes from 1 to 3 arguments, not 0");
    CHECK(program.raises("random.randrange", {1, 2, 3, 4}) ==
          "TypeError: randrange() takes from 1 to 3 arguments, not 4");
}

TEST_CASE("random: what does not fit in 64 bits is an OverflowError, and quickly", "[functions]") {
    recording_context program;
    CHECK(program.raises("random.getrandbits", {2147483647}) ==
          "OverflowError: the 2147483647 random bits do not fit in 64");
    CHECK(program.raises("random.randrange", {1e300}) == "OverflowError: arg 1 of randrange() is too large");
    CHECK(program.raises("random.randint", {0, 1e300}) == "OverflowError: stop of randrange() is too large");
    CHECK(program.raises("random.uniform", {-1e308, 1e308}) ==
          "OverflowError: the float result is not finite: JSON has no such number");
}

TEST_CASE("random: choices stops before it fills the memory", "[functions]") {
    recording_context program;
    const std::string kilobyte(1024, 'x');
    CHECK(program.raises("random.choices", {value::array({kilobyte}), 9223372036854775807}) ==
          "MemoryError: choices() would make more than 64 MiB");
    CHECK(program.call("random.choices", {value::array({kilobyte}), 1000}).size() == 1000);
}

TEST_CASE("random: shuffle leaves its argument as it was", "[functions]") {
    recording_context program;
    const value given = {1, 2, 3, 4, 5, 6, 7, 8};
    CHECK(program.call("random.shuffle", {given}) != given);
    CHECK(given == value({1, 2, 3, 4, 5, 6, 7, 8}));
}

TEST_CASE("random: a failed call does not give its draws back", "[functions]") {
    recording_context failing{python_random{6}};
    recording_context plain{python_random{6}};
    CHECK(failing.raises("random.gauss", {"a", 1}) == "TypeError: can only concatenate str (not \"float\") to str");
    plain.call("random.gauss");
    CHECK(failing.call("random.gauss") == plain.call("random.gauss"));
    CHECK(failing.raises("random.uniform", {"a", 1}) ==
          "TypeError: unsupported operand type(s) for -: 'int' and 'str'");
    CHECK(failing.call("random.random") == plain.call("random.random"));
}

TEST_CASE("random: its functions draw, and only of choices may there be too many for a worker", "[functions]") {
    for (const auto* f : gatherd::api::functions::tests::standard().all()) {
        if (f->name.starts_with("random.")) {
            CHECK(f->draws);  // so that a seeded program calls them in their order
            CHECK((f->pool == gatherd::api::plan::thread_pool::none) == (f->name != "random.choices"));
        }
    }
}
