#include "gatherd/api/arguments.hpp"

#include <vector>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

using gatherd::api::value, gatherd::api::arguments;

namespace {

std::vector<value> seen(arguments given) {
    return {given.begin(), given.end()};
}

}  // namespace

TEST_CASE("arguments: of values side by side", "[plan]") {
    const std::vector<value> values{1, "two", nullptr};
    const arguments given{values};
    CHECK(given.size() == 3);
    CHECK(&given[1] == &values[1]);
    CHECK(seen(given) == values);
    CHECK(seen(given.without_first(1)) == std::vector<value>{"two", nullptr});
    CHECK(given.without_first(3).empty());
    CHECK(arguments{}.empty());
    CHECK(seen({&values[2], 1}) == std::vector<value>{nullptr});
}

TEST_CASE("arguments: of values that stand anywhere", "[plan]") {
    const value first(1);
    const value second("two");
    const std::vector<const value*> places{&second, &first, &second};
    const arguments given{std::span<const value* const>{places}};
    CHECK(given.size() == 3);
    CHECK(&given[1] == &first);
    CHECK(seen(given) == std::vector<value>{"two", 1, "two"});
    CHECK(seen(given.without_first(2)) == std::vector<value>{"two"});
    CHECK(given.begin()->is_string());
}
