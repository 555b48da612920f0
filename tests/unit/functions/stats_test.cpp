#include "api/functions/families.hpp"

#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <utility>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "tests/unit/functions/recording_context.hpp"

using gatherd::api::value;
using gatherd::api::functions::tests::recording_context;

namespace {

value described(value::array_t numbers) {
    return recording_context{}.call("stats.describe", {value(std::move(numbers))});
}

std::string refused(value numbers) {
    return recording_context{}.raises("stats.describe", {std::move(numbers)});
}

}  // namespace

TEST_CASE("stats.describe: gives what Python's statistics gives", "[functions]") {
    CHECK(described({1, 2, 3, 4, 10}).dump() ==
          R"({"count":5,"mean":4.0,"stdev":3.5355339059327378,"min":1,"quartiles":[2.0,3.0,4.0],"max":10})");
    CHECK(
        described({0.1, 0.3, 0.2, 7}).dump() ==
        R"({"count":4,"mean":1.9,"stdev":3.4009802508492557,"min":0.1,"quartiles":[0.17500000000000002,0.25,1.975],"max":7})");
    CHECK(described({5}).dump() == R"({"count":1,"mean":5.0,"stdev":null,"min":5,"quartiles":[5.0,5.0,5.0],"max":5})");
    CHECK(described({true, false}).dump() ==
          R"({"count":2,"mean":0.5,"stdev":0.7071067811865476,"min":0,"quartiles":[0.25,0.5,0.75],"max":1})");
}

TEST_CASE("stats.describe: neither large nor distant numbers lose digits", "[functions]") {
    const std::uint64_t most = std::numeric_limits<std::uint64_t>::max();
    const value large = described({most, most - 1, most - 2});
    CHECK(large["min"] == most - 2);
    CHECK(large["max"] == most);
    CHECK(large["stdev"] == 1.0);
    CHECK(described({1e308, 1e308, 1e308})["mean"] == 1e308);
    CHECK(described({1e308, 1e308, 1e308})["quartiles"] == value({1e308, 1e308, 1e308}));
    CHECK(described({1e100, 1.0, -1e100, 1.0})["mean"] == 0.5);
    CHECK(described({1000000000.1, 1000000000.2})["stdev"].get<double>() == Approx(0.07071069497739416).epsilon(1e-12));
}

TEST_CASE("stats.describe: many numbers are as few", "[functions]") {
    value::array_t numbers;
    for (int i = 0; i < 100'001; ++i) {
        numbers.emplace_back(i * 7919LL % 100'001);  // 0 to 100000 in some order
    }
    CHECK(
        described(numbers).dump() ==
        R"({"count":100001,"mean":50000.0,"stdev":28867.946471822343,"min":0,"quartiles":[25000.0,50000.0,75000.0],"max":100000})");
}

TEST_CASE("stats.describe: what is no list of numbers says so", "[functions]") {
    CHECK(refused(value::array()) == "ValueError: stats.describe(): numbers must be at least one");
    CHECK(refused(5) == "TypeError: stats.describe(): numbers must be a list of numbers, not the number 5");
    CHECK(refused({1, "2"}) == "TypeError: stats.describe(): item 1 of numbers must be a number, not the text '2'");
    CHECK(refused({nullptr}) == "TypeError: stats.describe(): item 0 of numbers must be a number, not null");
    CHECK(refused({1.7e308, -1.7e308}).starts_with("OverflowError"));
}
