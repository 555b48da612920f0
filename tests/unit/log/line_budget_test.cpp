#include "api/log/line_budget.hpp"

#include <catch2/catch.hpp>
#include <future>

#include "gatherd/executor/scheduler.hpp"

using gatherd::api::log::line_budget, gatherd::executor::scheduler;

TEST_CASE("line_budget: so many at once, then so many a second, and the others are counted", "[log]") {
    scheduler threads{{.workers = 1}};
    std::uint64_t told = 0;
    line_budget budget{2, 0.01, threads, [&told](std::uint64_t left_out) { told += left_out; }};
    const auto start = line_budget::clock::now();
    CHECK(budget.pass(start));
    CHECK(budget.pass(start));
    CHECK_FALSE(budget.pass(start));
    CHECK_FALSE(budget.pass(start));
    CHECK(told == 0);
    CHECK(budget.pass(start + std::chrono::seconds{150}));
    CHECK(told == 2);
    CHECK_FALSE(budget.pass(start + std::chrono::seconds{150}));
}

TEST_CASE("line_budget: the number of those that were left out is told though no line follows", "[log]") {
    std::promise<std::uint64_t> told;
    scheduler threads{{.workers = 1}};
    line_budget budget{1, 100, threads, [&told](std::uint64_t left_out) { told.set_value(left_out); }};
    const auto start = line_budget::clock::now();
    CHECK(budget.pass(start));
    CHECK_FALSE(budget.pass(start));
    CHECK(told.get_future().get() == 1);
    CHECK(budget.pass(start + std::chrono::seconds{1}));  // and not told again
}
