#include "api/protocol/utf8_scanner.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <random>
#include <string>
#include <string_view>

namespace gatherd::api::protocol {
namespace {

struct judged {
    std::size_t taken;  // bytes before the fault
    bool is_inside;

    bool operator==(const judged&) const = default;
};

judged scanned(std::string_view text, std::size_t piece) {
    utf8_scanner scanner;
    for (std::size_t at = 0; at < text.size(); at += piece) {
        const auto part = text.substr(at, piece);
        const auto* const end = scanner.scan(part.data(), part.data() + part.size());
        if (end != part.data() + part.size()) {
            return {static_cast<std::size_t>(end - text.data()), scanner.is_inside()};
        }
    }
    return {text.size(), scanner.is_inside()};
}

// By the numbers that the bytes stand for: how many of the text's last bytes are the beginning of a character.
bool is_character(std::string_view bytes) {
    const auto at = [&](std::size_t i) { return static_cast<unsigned>(static_cast<unsigned char>(bytes[i])); };
    if (bytes.size() == 1) {
        return at(0) < 0x80;
    }
    const unsigned marks[] = {0, 0, 0xC0, 0xE0, 0xF0};
    const unsigned least[] = {0, 0, 0x80, 0x800, 0x10000};
    const auto size = bytes.size();
    const unsigned mark = marks[size];
    const unsigned mask = 0xFFU << (7 - size) & 0xFFU;
    if ((at(0) & mask) != mark) {
        return false;
    }
    unsigned code = at(0) & ~mask;
    for (std::size_t i = 1; i < size; ++i) {
        if ((at(i) & 0xC0U) != 0x80) {
            return false;
        }
        code = code << 6U | (at(i) & 0x3FU);
    }
    return code >= least[size] && code <= 0x10FFFF && (code < 0xD800 || code > 0xDFFF);
}

}  // namespace

TEST_CASE("utf8_scanner: it takes exactly the characters that there are", "[protocol]") {
    // All of up to two bytes; of three and four those around each bound.
    const std::string bytes{
        "\x00\x41\x7F\x80\x8F\x90\x9F\xA0\xBF\xC0\xC1\xC2\xDF\xE0\xE1\xEC\xED\xEE\xEF\xF0\xF1\xF3\xF4\xF5\xFF", 25};
    std::string text;
    const auto check = [&text] {
        const auto found = scanned(text, 4);
        const bool is_whole = found.taken == text.size() && !found.is_inside;
        bool expected = true;  // cut into characters, the shortest first: none is the beginning of another
        for (std::string_view rest = text; expected && !rest.empty();) {
            std::size_t size = 1;
            while (size <= std::min<std::size_t>(4, rest.size()) && !is_character(rest.substr(0, size))) {
                ++size;
            }
            expected = size <= std::min<std::size_t>(4, rest.size());
            rest.remove_prefix(expected ? size : 0);
        }
        if (is_whole != expected || found != scanned(text, 1)) {
            CAPTURE(text);
            CHECK(is_whole == expected);
            CHECK(found == scanned(text, 1));
        }
    };
    for (int a = 0; a < 256; ++a) {
        for (int b = 0; b < 256; ++b) {
            text = {static_cast<char>(a), static_cast<char>(b)};
            check();
        }
    }
    for (const char a : bytes) {
        for (const char b : bytes) {
            for (const char c : bytes) {
                text = {a, b, c};
                check();
                for (const char d : bytes) {
                    text = {a, b, c, d};
                    check();
                }
            }
        }
    }
}

TEST_CASE("utf8_scanner: long text is judged as a byte at a time, in whatever pieces", "[protocol]") {
    constexpr unsigned seed = 20261122;
    INFO("seed " << seed);
    std::mt19937 random{seed};
    constexpr std::string_view parts[] = {"plain text", "\xC3\xA9", "\xE4\xB8\x96", "\xF0\x9F\x98\x80", "x"};
    constexpr std::string_view faults[] = {"\xFF", "\x80", "\xC3x", "\xE4\xB8x", "\xED\xA0\x80", "\xF0\x9F"};
    for (int round = 0; round < 3000; ++round) {
        std::string text;
        const auto size = random() % 300;
        while (text.size() < size) {
            text += parts[random() % std::size(parts)];
        }
        if (random() % 2 == 0) {
            text.insert(random() % (text.size() + 1), faults[random() % std::size(faults)]);
        }
        const auto expected = scanned(text, 1);
        for (const std::size_t piece : {std::size_t{64}, std::size_t{65}, 1 + random() % 200, text.size() + 1}) {
            if (scanned(text, piece) != expected) {
                FAIL("in pieces of " << piece << ": " << text);
            }
        }
    }
}

}  // namespace gatherd::api::protocol
