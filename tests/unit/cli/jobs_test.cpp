#include <catch2/catch.hpp>

#include <chrono>
#include <string>

#include "cli/failures.hpp"
#include "cli/jobs/halt_rule.hpp"
#include "cli/jobs/job_log.hpp"
#include "cli/jobs/json_cut.hpp"
#include "cli/jobs/rate_line.hpp"

using namespace gatherd::cli::jobs;
using gatherd::cli::usage_error;
using action = halt_rule::action;

TEST_CASE("jobs: --halt counts what it says, and a percentage waits for the total", "[jobs]") {
    CHECK(halt_rule{}.is_never());
    CHECK(halt_rule{"never"}.after(5, 5, 5) == action::none);
    CHECK(halt_rule{"now,fail=2"}.after(5, 1, 9) == action::none);
    CHECK(halt_rule{"now,fail=2"}.after(5, 2, 9) == action::now);
    CHECK(halt_rule{"soon,success=2"}.after(3, 1, {}) == action::soon);
    CHECK(halt_rule{"soon,done=3"}.after(2, 1, {}) == action::none);
    CHECK(halt_rule{"now,fail=50%"}.after(2, 1, {}) == action::none);
    CHECK(halt_rule{"now,fail=50%"}.after(2, 1, 2) == action::now);
    CHECK(halt_rule{"now,fail=50%"}.after(2, 1, 3) == action::none);
    CHECK(halt_rule{"10%"}.after(2, 1, 10) == action::soon);
    CHECK(halt_rule{"2"}.after(1, 1, {}) == action::now);
    CHECK(halt_rule{"-1"}.after(1, 0, {}) == action::soon);
    for (const char* wrong : {"", "now", "now,fail", "now,fail=", "now,fail=0", "now,fail=101%", "later,fail=1", "now,odd=1",
                              "now,fail=1x", "3", "never,fail=1", "=,"}) {
        CHECK_THROWS_AS(halt_rule{wrong}, usage_error);
    }
}

TEST_CASE("jobs: exit statuses are GNU parallel's", "[jobs]") {
    CHECK(halt_rule{}.exit_status({}, 500, 7) == 7);
    CHECK(halt_rule{}.exit_status({}, 500, 100) == 100);
    CHECK(halt_rule{}.exit_status({}, 500, 400) == 101);
    CHECK(halt_rule{"now,fail=1"}.exit_status(42, 9, 1) == 42);
    CHECK(halt_rule{"now,fail=2"}.exit_status(42, 9, 2) == 2);
    CHECK(halt_rule{"now,success=1"}.exit_status(0, 9, 3) == 0);
    CHECK(halt_rule{"now,success=1"}.exit_status({}, 9, 9) == 9);
    CHECK(halt_rule{"soon,fail=10%"}.exit_status(1, 9, 1) == 12);
}

TEST_CASE("jobs: an entry of the log has GNU parallel's columns and one line", "[jobs]") {
    const job_entry entry{.number = 7,
                          .began = std::chrono::system_clock::time_point{std::chrono::milliseconds{1'500}},
                          .took = std::chrono::duration<double>{0.25},
                          .received = 3,
                          .exit_value = 1,
                          .signal = 15,
                          .command = "echo a\nb"};
    CHECK(job_line(entry) == "7\t:\t     1.500\t     0.250\t0\t3\t1\t15\techo a b\n");
}

TEST_CASE("jobs: values are cut out of JSON as they are spelt", "[jobs]") {
    std::string_view rest = R"( {"a":[1,"]}\""]} , "x,\\" ,1.50,[],null)";
    CHECK(cut_value(rest) == R"({"a":[1,"]}\""]})");
    CHECK(cut_value(rest) == R"("x,\\")");
    CHECK(cut_value(rest) == "1.50");
    CHECK(cut_value(rest) == "[]");
    CHECK(cut_value(rest) == "null");
    CHECK(rest.empty());
    std::string json;
    CHECK(append_text(json, "a\"\\\n\xC3\xBC"));
    CHECK(json == "\"a\\\"\\\\\\n\xC3\xBC\"");
    CHECK_FALSE(append_text(json, "\xFF"));
    CHECK(plain_text(R"("a\nb")") == "a\nb");
    CHECK(plain_text("1.50") == "1.50");
}

TEST_CASE("jobs: the bar tells rate and the time that is left", "[jobs]") {
    using seconds = std::chrono::duration<double>;
    CHECK(rate_line({.done = 50, .failed = 2, .total = 100}, seconds{10}, 120) ==
          "[====================>                   ] 50/100  2 failed  5.0/s  ETA 0:10");
    CHECK(rate_line({.done = 1000}, seconds{2}, 120) == "1000  500/s");
    CHECK(rate_line({.done = 1000, .part = 0.001}, seconds{10}, 120).ends_with("ETA 2:46:30"));
    CHECK(rate_line({.done = 1000}, seconds{2}, 3) == "100");
}
