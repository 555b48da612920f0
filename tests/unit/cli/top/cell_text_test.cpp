#include "cli/top/cell_text.hpp"

#include <catch2/catch.hpp>
#include <clocale>
#include <string>

using namespace gatherd::cli::top;

TEST_CASE("cell_text: a text takes exactly its columns", "[cli]") {
    REQUIRE(std::setlocale(LC_CTYPE, "C.UTF-8") != nullptr);
    CHECK(fitted("abc", 5) == "abc  ");
    CHECK(fitted("abc", 5, alignment::right) == "  abc");
    CHECK(fitted("abcdef", 3) == "abc");
    CHECK(fitted("日本語", 5) == "日本 ");  // a wide character is not cut in half
    CHECK(columns_of("日本語") == 6);
    CHECK(fitted("e\u0301x", 2) == "e\u0301x");
    CHECK(fitted("", 2) == "  ");
}

TEST_CASE("cell_text: no text commands the terminal or reorders a line", "[cli]") {
    REQUIRE(std::setlocale(LC_CTYPE, "C.UTF-8") != nullptr);
    CHECK(fitted("a\x1b[2J\n\t", 20) == "a\\x1b[2J\\x0a\\x09    ");
    CHECK(fitted("\u009b31m", 7) == "\\x9b31m");
    CHECK(fitted("a\u202eb\u200b", 4) == "a?b?");
    CHECK(fitted("\xff\xc3(\xed\xa0\x80", 7) == std::string(2, '?') + "(" + std::string(3, '?') + " ");
    CHECK(fitted("\x1b", 3) == "   ");  // an escape is not cut in half either
    std::string zalgo = "e";
    for (int i = 0; i < 1000; ++i) {
        zalgo += "\u0301";
    }
    CHECK(fitted(zalgo, 1).size() < 20);
}

TEST_CASE("cell_text: numbers, sizes and times are short", "[cli]") {
    CHECK(short_number(0) == "0");
    CHECK(short_number(0.25) == "0.2");
    CHECK(short_number(999) == "999");
    CHECK(short_number(999.7) == "1.00k");
    CHECK(short_number(12'345) == "12.3k");
    CHECK(short_number(4'560'000) == "4.56M");
    CHECK(short_bytes(1023) == "1023 B");
    CHECK(short_bytes(1024 * 1024 * 1.5) == "1.50 MiB");
    CHECK(short_time(0.00025) == "250us");
    CHECK(short_time(0.0123) == "12.3ms");
    CHECK(short_time(4.56) == "4.56s");
    CHECK(short_time(754) == "12m34s");
    CHECK(short_time(3 * 3600 + 301) == "3h05m");
    CHECK(short_time(12 * 86400 + 4 * 3600) == "12d04h");
    CHECK(short_time(-1) == "-");
}
