#include "api/shortened.hpp"

#include <catch2/catch.hpp>

using gatherd::api::loggable;

namespace gatherd::api {

TEST_CASE("shortened: a short text is whole", "[protocol]") {
    CHECK(shortened("") == "");
    CHECK(shortened("abc", 3) == "abc");
    CHECK(shortened("\u00e6", 2) == "\u00e6");
}

TEST_CASE("shortened: a long text is cut between two characters", "[protocol]") {
    CHECK(shortened("abcd", 3) == "abc...");
    CHECK(shortened("a\u00e6b", 2) == "a...");
    CHECK(shortened("a\u4e16b", 3) == "a...");
    CHECK(shortened("\U0001f600x", 3) == "...");
    for (std::size_t shift = 0; shift < 4; ++shift) {
        std::string text(shift, 'x');
        for (int i = 0; i < 40; ++i) {
            text += "\U0001f600";
        }
        const auto cut = shortened(text);
        CHECK((cut.size() - 3 - shift) % 4 == 0);
        CHECK(cut.size() <= 83);
    }
}

}  // namespace gatherd::api

TEST_CASE("loggable: a message has whole characters, and neither control characters nor bytes that are none",
          "[protocol]") {
    CHECK(loggable("a\tb \u00e6\u20ac\U0001F600") == "a\tb \u00e6\u20ac\U0001F600");
    CHECK(loggable("\x1b[31m\x7f") == "\\x1b[31m\\x7f");
    CHECK(loggable("\xc2\x9b"
                   "1m") == "\\xc2\\x9b1m");
    CHECK(loggable("\x9b"
                   "1m") == "\\x9b1m");
    CHECK(loggable("\xe2\x82") == "\\xe2\\x82");
    CHECK(loggable("\xc2") == "\\xc2");
    CHECK(loggable("\xe2\x82x") == "\\xe2\\x82x");
    CHECK(loggable("\xed\xa0\x80 \xc0\x80 \xf4\x90\x80\x80") == "\\xed\\xa0\\x80 \\xc0\\x80 \\xf4\\x90\\x80\\x80");
    CHECK(loggable("\xed\x9f\xbf\xf4\x8f\xbf\xbf") == "\xed\x9f\xbf\xf4\x8f\xbf\xbf");
    CHECK(loggable("") == "");
}
