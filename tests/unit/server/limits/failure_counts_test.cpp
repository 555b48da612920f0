#include "api/server/limits/failure_counts.hpp"

#include <algorithm>
#include <string>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

using gatherd::api::value;
using gatherd::api::server::failure_counts;

TEST_CASE("failure_counts: the most frequent pairs come first, the others together", "[server]") {
    failure_counts counts;
    CHECK(counts.most_frequent(10).empty());
    for (int i = 0; i < 3; ++i) {
        counts.add("f", "ValueError");
    }
    counts.add("f", "OSError");
    counts.add("g", "ValueError");
    counts.add("g", "ValueError");
    CHECK(
        counts.most_frequent(2) ==
        value::parse(
            R"x([{"function": "f", "type": "ValueError", "count": 3}, {"function": "g", "type": "ValueError", "count": 2},
                           {"function": "(others)", "type": "(others)", "count": 1}])x"));
}

TEST_CASE("failure_counts: it is bounded, whatever types there are", "[server]") {
    failure_counts counts;
    const std::string long_name(100'000, 'x');
    for (int i = 0; i < 1000; ++i) {
        counts.add("fail", std::to_string(i) + long_name);
    }
    const value all = counts.most_frequent(1000);
    CHECK(all.size() == 257);
    CHECK(all.back()["count"] == 1000 - 256);
    CHECK(all[0]["type"].get_ref<const std::string&>().size() == 128);
}

TEST_CASE("failure_counts: what fails often has a place, however many rare pairs came first or come between",
          "[server]") {
    failure_counts counts;
    int rare = 0;
    for (; rare < 300; ++rare) {
        counts.add("rare", std::to_string(rare));
    }
    constexpr int often = 200;
    for (int i = 0; i < often; ++i) {
        counts.add("frequent", "ValueError");
        counts.add("rare", std::to_string(rare++));
    }
    const value all = counts.most_frequent(1000);
    CHECK(all[0] == value{{"function", "frequent"}, {"type", "ValueError"}, {"count", often}});
    int sum = 0;
    for (const value& each : all) {
        sum += each["count"].get<int>();
    }
    CHECK(sum == rare + often);
}

TEST_CASE("failure_counts: of those that have failed once the one that did so last has a place", "[server]") {
    failure_counts counts;
    for (int i = 0; i < 1000; ++i) {
        counts.add("fail", std::to_string(i));
    }
    const value all = counts.most_frequent(1000);
    const bool has_last = std::ranges::any_of(all, [](const value& each) { return each["type"] == "999"; });
    CHECK(has_last);
}
