#include "api/server/limits/failure_counts.hpp"

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
    CHECK(counts.most_frequent(2) ==
          value::parse(R"x([{"function": "f", "type": "ValueError", "count": 3}, {"function": "g", "type": "ValueError", "count": 2},
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
