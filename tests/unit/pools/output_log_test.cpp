#include "api/pools/output_log.hpp"

#include <catch2/catch.hpp>

#include "api/shortened.hpp"
#include "gatherd/executor/scheduler.hpp"

using gatherd::api::loggable, gatherd::api::log::line_budget, gatherd::api::pools::output_log,
    gatherd::executor::scheduler;

TEST_CASE("output_log: control characters are escaped and long lines cut", "[pools]") {
    CHECK(loggable("a\tb\x1b[2J\x7f") == "a\tb\\x1b[2J\\x7f");
    CHECK(loggable(std::string(2000, 'x'), 1024) == std::string(1024, 'x') + "...");
}

TEST_CASE("output_log: the last line that is not blank is kept, however it came", "[pools]") {
    scheduler threads{{.workers = 1}};
    line_budget none{0, 1, threads, [](std::uint64_t) {}};
    output_log log{none, "own"};
    log.take(1, "first\nsec");
    log.take(1, "ond\r\n\n  \n");
    CHECK(log.last_line() == "second");
    log.take(1, "unended");
    CHECK(log.last_line() == "second");
    log.end(1);
    CHECK(log.last_line() == "unended");
}

TEST_CASE("output_log: the line that says what went wrong is kept, not what runtimes write below it", "[pools]") {
    scheduler threads{{.workers = 1}};
    line_budget none{0, 1, threads, [](std::uint64_t) {}};
    output_log log{none, "own"};
    log.take(1, "  indented\n");
    CHECK(log.last_line() == "  indented");
    log.take(
        1,
        "/srv/tasks.js:3\nthrow new Error('boom')\n^\n\nError: boom {\n    at Object.<anonymous> (/srv/tasks.js:3:7)\n"
        "  code: 'E'\n}\n\nNode.js v18.19.0\n");
    CHECK(log.last_line() == "Error: boom {");
    log.take(1, "Error: Cannot find module 'nope'\nRequire stack:\n- /srv/tasks.js\n    at x\n");
    CHECK(log.last_line() == "Error: Cannot find module 'nope'");
    log.take(
        1,
        "PHP Fatal error:  Uncaught Exception: no in /srv/t.php:3\nStack trace:\n#0 {main}\n  thrown in /srv/t.php\n");
    CHECK(log.last_line() == "PHP Fatal error:  Uncaught Exception: no in /srv/t.php:3");
    log.take(1, "Traceback (most recent call last):\n  File \"t.py\", line 1\nValueError: boom\n");
    CHECK(log.last_line() == "ValueError: boom");
}
