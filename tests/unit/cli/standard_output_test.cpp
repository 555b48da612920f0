#include "cli/standard_output.hpp"

#include <catch2/catch.hpp>

using gatherd::cli::without_controls;

TEST_CASE("standard_output: control characters are escaped, as JSON does it", "[cli]") {
    CHECK(without_controls("\x1b[2J\x07\r\x7f") == R"(\u001b[2J\u0007\u000d\u007f)");
    CHECK(without_controls({"a\0b", 3}) == R"(a\u0000b)");
    CHECK(without_controls("\xC2\x9B"
                           "31m\xC2\x80\xC2\x9F") == R"(\u009b31m\u0080\u009f)");
}

TEST_CASE("standard_output: a byte that is no UTF-8 commands no terminal", "[cli]") {
    CHECK(without_controls("\x9b"
                           "31m") == R"(\x9b31m)");
    CHECK(without_controls("\xC2") == R"(\xc2)");
    CHECK(without_controls("\xC2\x1b[0m") == R"(\xc2\u001b[0m)");
    CHECK(without_controls("\xC0\x9b \xE0\x9b\x9b \xED\xA0\x80 \xF4\x90\x80\x80 \xFF") ==
          R"(\xc0\x9b \xe0\x9b\x9b \xed\xa0\x80 \xf4\x90\x80\x80 \xff)");
    CHECK(without_controls("\xE6\x97") == R"(\xe6\x97)");
}

TEST_CASE("standard_output: all other text is shown as it is", "[cli]") {
    for (const char* const text : {"", "a\tb\nc\n", "\xC3\xA6 \xF0\x9D\x84\x9E \xC2\xA0",
                                   "\xED\x9F\xBF\xF4\x8F\xBF\xBF\xE0\xA0\x80", "\"\\u001b\""}) {
        CHECK(without_controls(text) == text);
    }
}
