#include "api/protocol/bracket_counter.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <cstddef>
#include <optional>
#include <random>
#include <string>
#include <string_view>

#include "api/protocol/json_scanner.hpp"

namespace gatherd::api::protocol {
namespace {

using outcome = bracket_counter::outcome;

constexpr std::size_t depth = 6;

/// Where the text ends, given in pieces; nothing if it does not, or is too deep.
std::optional<std::size_t> end_of(std::string_view text, std::size_t piece, std::size_t max_depth = depth) {
    bracket_counter brackets{max_depth};
    for (std::size_t from = 0; from < text.size(); from += piece) {
        const char* const first = text.data() + from;
        const auto [what, at] = brackets.count(first, first + std::min(piece, text.size() - from));
        if (what != outcome::more) {
            return what == outcome::closed ? std::optional{static_cast<std::size_t>(at - text.data())} : std::nullopt;
        }
    }
    return std::nullopt;
}

/// A JSON value of random shape, with strings that hold what could be taken for brackets and quotes.
std::string random_value(std::mt19937& random, std::size_t levels) {
    const auto text = [&] {
        constexpr std::string_view pieces[] = {"a",       "{",        "]", "[[", "\\\"",    "\\\\",
                                               "\\u005d", "\\\\\\\"", "}", " ",  "\xc3\xa9"};
        std::string made = "\"";
        for (auto count = random() % 9; count > 0; --count) {
            made += pieces[random() % std::size(pieces)];
        }
        return made + '"';
    };
    const auto kind = levels == 0 ? 2 + random() % 2 : random() % 4;
    if (kind >= 2) {
        return kind == 2 ? text() : std::to_string(random() % 1000);
    }
    std::string made{kind == 0 ? "{" : "["};
    for (auto count = random() % 5; count > 0; --count) {
        made += (kind == 0 ? text() + ":" : "") + random_value(random, levels - 1) + (count > 1 ? "," : "");
    }
    return made + (kind == 0 ? "}" : "]");
}

}  // namespace

TEST_CASE("bracket_counter: a text ends where its outermost bracket closes, however it is cut", "[protocol]") {
    for (const std::string_view text :
         {"{}", "[]", R"({"a":"}"})", R"({"a\"}":["\\"]})", R"(["\\\"]"])", "[[[[[[]]]]]]"}) {
        for (std::size_t piece = 1; piece <= text.size(); ++piece) {
            INFO(text << " in pieces of " << piece);
            CHECK(end_of(text, piece) == text.size());
            CHECK(end_of(std::string{text} + "]}", piece) == text.size());
            CHECK(end_of(text.substr(0, text.size() - 1), piece) == std::nullopt);
        }
    }
}

TEST_CASE("bracket_counter: a backslash at the end of a block escapes what the next one begins with", "[protocol]") {
    for (std::size_t filling = 56; filling < 72; ++filling) {
        for (const std::string_view tail : {R"(\"]"])", R"(\\"])", R"(\\\"]"])"}) {
            const std::string text = "[\"" + std::string(filling, 'x') + std::string{tail};
            INFO(text);
            CHECK(end_of(text, text.size()) == text.size());
            CHECK(end_of(text, 64) == text.size());
            CHECK(end_of(text, 1) == text.size());
        }
    }
}

TEST_CASE("bracket_counter: a bracket beyond the depth is said", "[protocol]") {
    CHECK(end_of("[[]]", 4, 2) == 4);
    CHECK(end_of("[[[]]]", 6, 2) == std::nullopt);
    CHECK(end_of("[[[]]]", 1, 2) == std::nullopt);
    CHECK(end_of(R"([["["]])", 7, 2) == 7);
}

TEST_CASE("bracket_counter: of JSON it says what json_scanner says", "[protocol]") {
    constexpr unsigned seed = 20261122;
    INFO("seed " << seed);
    std::mt19937 random{seed};
    for (int round = 0; round < 3000; ++round) {
        const std::string text = "[" + random_value(random, depth - 1) + "]" + random_value(random, 2);
        json_scanner scanner{depth};
        const auto [what, at] = scanner.scan(text.data(), text.data() + text.size());
        REQUIRE(what == json_scanner::outcome::complete);
        const auto expected = static_cast<std::size_t>(at - text.data());
        if (end_of(text, text.size()) != expected || end_of(text, 1 + random() % 100) != expected) {
            FAIL(text);
        }
    }
}

}  // namespace gatherd::api::protocol
