#include "api/shortened.hpp"

#include <catch2/catch.hpp>

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
