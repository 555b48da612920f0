#include "api/log/line_budget.hpp"

#include <catch2/catch.hpp>

using gatherd::api::log::line_budget;

TEST_CASE("line_budget: so many at once, then so many a second, and the others are counted", "[log]") {
    line_budget budget{2, 10};
    const auto start = line_budget::clock::now();
    CHECK(budget.pass(start) == 0U);
    CHECK(budget.pass(start) == 0U);
    CHECK_FALSE(budget.pass(start));
    CHECK_FALSE(budget.pass(start));
    CHECK(budget.pass(start + std::chrono::milliseconds{150}) == 2U);
    CHECK_FALSE(budget.pass(start + std::chrono::milliseconds{150}));
}
