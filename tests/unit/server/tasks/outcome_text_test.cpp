#include "api/server/tasks/outcome_text.hpp"

#include <catch2/catch.hpp>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

namespace gatherd::api::server {

TEST_CASE("text_parts: each value counts, and each 64 bytes of text", "[server]") {
    constexpr std::size_t most = 1000;
    CHECK(text_parts(nullptr, most) == 1);
    CHECK(text_parts({1, 2.5, true}, most) == 4);
    CHECK(text_parts({{"a", {1, 2}}, {"b", value::object()}}, most) == 5);
    CHECK(text_parts(std::string(640, 'x'), most) == 11);
}

TEST_CASE("text_parts: stops at the most", "[server]") {
    CHECK(text_parts(value(std::vector<int>(999, 1)), 1000) == 1000);
    CHECK(text_parts(value(std::vector<int>(100'000, 1)), 1000) == 1000);
    CHECK(text_parts(std::string(100'000, 'x'), 1000) == 1000);
    value deep;
    for (int i = 0; i < 100'000; ++i) {  // deeper than any stack
        deep = value::array({std::move(deep)});
    }
    CHECK(text_parts(deep, 1'000'000) == 1'000'000);
}

}  // namespace gatherd::api::server
