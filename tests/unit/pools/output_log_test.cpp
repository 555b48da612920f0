#include "api/pools/output_log.hpp"

#include <catch2/catch.hpp>

using gatherd::api::log::line_budget, gatherd::api::pools::loggable, gatherd::api::pools::output_log;

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
