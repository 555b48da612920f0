#include <catch2/catch.hpp>

#include <chrono>
#include <string>
#include <vector>

#include "cli/failures.hpp"
#include "cli/jobs/command_template.hpp"
#include "cli/jobs/exec_command.hpp"
#include "cli/jobs/halt_rule.hpp"
#include "cli/jobs/job_log.hpp"
#include "cli/jobs/json_cut.hpp"
#include "cli/jobs/rate_line.hpp"
#include "cli/jobs/spool.hpp"

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
    for (const char* wrong : {"", "now", "now,fail", "now,fail=", "now,fail=0", "now,fail=101%", "later,fail=1",
                              "now,odd=1", "now,fail=1x", "3", "never,fail=1", "=,"}) {
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

TEST_CASE("jobs: replacement strings are GNU parallel's", "[jobs]") {
    const auto line = [](const std::vector<std::string>& words, std::vector<std::string> arguments) {
        return command_template{words, "", false}.argv({.arguments = std::move(arguments), .number = 7, .slot = 2});
    };
    using words = std::vector<std::string>;
    CHECK(line({"a"}, {"x y"}) == words{"a", "x y"});
    CHECK(line({"a", "{.}", "{/}", "{//}", "{/.}", "{#}{%}"}, {"/d.e/f.g.h"}) ==
          words{"a", "/d.e/f.g", "f.g.h", "/d.e", "f.g", "72"});
    CHECK(line({"{2}-{1}", "{-1.}", "{3}", "{3}x"}, {"a", "b.c"}) == words{"b.c-a", "b", "x"});
    CHECK(line({"{}", "[{}]"}, {"a", "b"}) == words{"a", "b", "[a b]"});
    CHECK(line({"{x}{0}{", "{1}"}, {"a"}) == words{"{x}{0}{", "a"});
    const command_template repeated{{"[{}]"}, "", true};
    CHECK(repeated.argv({.arguments = {"a", "b"}}) == words{"[a]", "[b]"});
    const command_template by_shell{{"echo", "{}", "| cat"}, "/bin/sh", false};
    CHECK(by_shell.argv({.arguments = {"it's"}}) == words{"/bin/sh", "-c", R"(echo 'it'"'"'s' | cat)"});
    const command_template whole_commands{{}, "/bin/sh", false};
    CHECK(whole_commands.argv({.arguments = {"echo a"}}) == words{"/bin/sh", "-c", "echo a"});
    const command_template other_text{{"@@", "{}", "{/}", "{"}, "", false, "@@"};
    CHECK(other_text.argv({.arguments = {"a/b"}}) == words{"a/b", "{}", "b", "{"});
}

TEST_CASE("jobs: lists are cut off the end of a command", "[jobs]") {
    std::vector<std::string> words{"a", "{}", ":::", "b", "c", ":::+", "d", "::::", "e", "f"};
    const auto lists = cut_lists(words);
    CHECK(words == std::vector<std::string>{"a", "{}"});
    REQUIRE(lists.size() == 4);
    CHECK(lists[0].values == std::vector<std::string>{"b", "c"});
    CHECK((lists[1].is_linked && !lists[1].is_file && lists[2].is_file && lists[3].values.front() == "f"));
    std::vector<std::string> none{"a", "::::"};
    CHECK_THROWS_AS(cut_lists(none), usage_error);
    CHECK(jobs_of("100%", 2) == 2);
    CHECK(jobs_of("50%", 1) == 1);
    CHECK(jobs_of("+2", 2) == 4);
    CHECK(jobs_of("-9", 2) == 1);
    CHECK(jobs_of("7", 2) == 7);
    CHECK_THROWS_AS(jobs_of("x", 2), usage_error);
    CHECK_THROWS_AS(jobs_of("", 2), usage_error);
    CHECK_THROWS_AS(jobs_of("%", 2), usage_error);
}

TEST_CASE("jobs: output beyond the memory goes through a file and comes back in order", "[jobs]") {
    spool kept{10};
    spool::stream first;
    spool::stream second;
    const std::string large(100'000, 'x');
    kept.add(first, "12345");
    kept.add(first, large);
    kept.add(second, "abc");
    kept.add(first, "tail--------");
    CHECK(kept.held() == 5 + large.size() + 3 + 12);
    std::string all;
    while (!first.is_empty()) {
        all += kept.take(first);
    }
    CHECK(all == "12345" + large + "tail--------");
    kept.add(second, large);
    kept.drop(second);
    CHECK(kept.held() == 0);
    kept.add(first, large);
    CHECK(kept.take(first) == large);
}
