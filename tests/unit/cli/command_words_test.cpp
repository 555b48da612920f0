#include "cli/command_words.hpp"

#include <catch2/catch.hpp>

using namespace gatherd::cli;
using words = std::vector<std::string>;

namespace {

words moved(words given) {
    move_global_options(given, {{"--connect", true}, {"--local", false}});
    return given;
}

}  // namespace

TEST_CASE("command_words: only words that the parser would misread are marked, and only where JSON is taken", "[cli]") {
    words call{"call", "f", "[1,2]", "[1", "--connect", "[::1]:1"};
    shield_words(call);
    CHECK(call == words{"call", "f", "\x01[1,2]", "[1", "--connect", "[::1]:1"});
    words dashes{"call", "--time", "f", "a", "--", "--time", "--"};
    shield_words(dashes);
    CHECK(dashes == words{"call", "--time", "f", "a", "\x01--time", "\x01--"});
    words other{"serve", "[1]", "--"};
    shield_words(other);
    CHECK(other == words{"serve", "[1]", "--"});
    CHECK(unshielded("\x01--x") == "--x");
    CHECK(unshielded("x") == "x");
}

TEST_CASE("command_words: options before the subcommand go behind its name", "[cli]") {
    CHECK(moved({"--connect", "a", "call", "f"}) == words{"call", "--connect", "a", "f"});
    CHECK(moved({"--connect=a", "--local", "call", "f"}) == words{"call", "--connect=a", "--local", "f"});
    CHECK(moved({"call", "--connect", "a"}) == words{"call", "--connect", "a"});
    CHECK(moved({"--local", "--help"}) == words{"--local", "--help"});
    CHECK(moved({"--connect"}) == words{"--connect"});
    CHECK(moved({"--other", "call"}) == words{"--other", "call"});
    CHECK(moved({}).empty());
}
