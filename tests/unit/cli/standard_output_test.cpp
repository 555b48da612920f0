#include "cli/standard_output.hpp"

#include <catch2/catch.hpp>

using gatherd::cli::without_controls;

TEST_CASE("standard_output: control characters are escaped, as JSON does it", "[cli]") {
    CHECK(without_controls("\x1b[2J\x07\r\x7f") == R"(\u001b[2J\u0007\u000d\u007f)");
    CHECK(without_controls({"a\0b", 3}) == R"(a\u0000b)");
    CHECK(without_controls("\xC2\x9B" "31m\xC2\x80\xC2\x9F") == R"(\u009b31m\u0080\u009f)");
}

TEST_CASE("standard_output: all other text is shown as it is", "[cli]") {
    for (const char* const text : {"", "a\tb\nc\n", "\xC3\xA6 \xF0\x9D\x84\x9E \xC2\xA0", "\xC2", "\xC2x", "\"\\u001b\""}) {
        CHECK(without_controls(text) == text);
    }
}
