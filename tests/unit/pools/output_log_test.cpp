#include "api/pools/output_log.hpp"

#include <catch2/catch.hpp>
#include <spdlog/spdlog.h>

using gatherd::api::pools::line_budget, gatherd::api::pools::loggable, gatherd::api::pools::output_log;

TEST_CASE("line_budget: so many at once, then so many a second, and the others are counted", "[pools]") {
    line_budget budget{2, 10};
    const auto start = line_budget::clock::now();
    CHECK(budget.pass(start) == 0U);
    CHECK(budget.pass(start) == 0U);
    CHECK_FALSE(budget.pass(start));
    CHECK_FALSE(budget.pass(start));
    CHECK(budget.pass(start + std::chrono::milliseconds{150}) == 2U);
    CHECK_FALSE(budget.pass(start + std::chrono::milliseconds{150}));
}

TEST_CASE("output_log: control characters are escaped and long lines cut", "[pools]") {
    CHECK(loggable("a\tb\x1b[2J\x7f") == "a\tb\\x1b[2J\\x7f");
    CHECK(loggable(std::string(2000, 'x')) == std::string(1024, 'x') + "...");
}

TEST_CASE("output_log: the last line that is not blank is kept, however it came", "[pools]") {
    line_budget none{0, 0};
    output_log log{none, "own"};
    log.take(1, "first\nsec");
    log.take(1, "ond\r\n\n  \n");
    CHECK(log.last_line() == "second");
    log.take(1, "unended");
    CHECK(log.last_line() == "second");
    log.end(1);
    CHECK(log.last_line() == "unended");
}
