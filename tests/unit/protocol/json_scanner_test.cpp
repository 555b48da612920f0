// What of a text the scanner knows beyond the grammar, which frame_reader's tests check: UTF-8, pairs of surrogates and
// the range of numbers. It knows it at the first byte that tells, and as its decoders do.
#include "api/protocol/json_scanner.hpp"

#include <catch2/catch.hpp>

#include <string>
#include <string_view>
#include <vector>

#include "api/protocol/reference_decoder.hpp"
#include "frames_of.hpp"

namespace gatherd::api::protocol {
namespace {

using outcome = json_scanner::outcome;

struct scanned {
    outcome what;
    std::size_t taken;
    std::string expected;

    bool operator==(const scanned&) const = default;
};

scanned scan(std::string_view text, std::size_t piece) {
    json_scanner scanner{512};
    for (std::size_t at = 0; at < text.size(); at += piece) {
        const auto part = text.substr(at, piece);
        const auto [what, end] = scanner.scan(part.data(), part.data() + part.size());
        if (what != outcome::more) {
            const auto taken = static_cast<std::size_t>(end - text.data());
            return {what, taken, scanner.number_is_too_great() ? "too great" : std::string{scanner.expected()}};
        }
    }
    return {outcome::more, text.size(), {}};
}

/// How many bytes are taken of what is no JSON; the whole text's size if it is JSON.
std::size_t taken(std::string_view text) {
    const auto whole = scan(text, text.size());
    for (const std::size_t piece : {std::size_t{1}, std::size_t{2}, std::size_t{3}, std::size_t{9}}) {
        CAPTURE(text, piece);
        CHECK(scan(text, piece) == whole);
    }
    CHECK((whole.what == outcome::broken) == fault_of(text).has_value());
    return whole.taken;
}

const std::vector<std::string> no_values{
    "\"\x80\"",
    "\"\xFF\"",
    "\"\xC0\xAF\"",
    "\"\xC3\"",
    "\"\xE9\"",
    "\"\xE0\x80\xAF\"",
    "\"\xE4\xB8\"",
    "\"\xED\xA0\x80\"",
    "\"\xF0\x80\x80\xAF\"",
    "\"\xF0\x9F\x98\\u0041\"",
    "\"\xF4\x90\x80\x80\"",
    "\"" + std::string(200, 'x') + "\xE4\xB8" + std::string(200, 'y') + "\"",
    "\"\xE4\xB8\x96" + std::string(200, 'x') + "\xFF\"",
    R"("\ud83d")",
    R"("\uD83Dx")",
    R"("\ud83d\n")",
    R"("\ud83d\ud83d")",
    R"("\ud83d\u0041")",
    R"("\ud83d\ude")",
    R"("\ude00")",
    R"("\uDE00\uD83D")",
    R"("\ud83d\ude00\ude00")",
    "1e999",
    "-1e999",
    "1.8e308",
    "1e309",
    "123e400",
    "-0.1e99999999999999999999",
    std::string(400, '1') + ".5",
    "0." + std::string(400, '0') + "1e710",
};

const std::vector<std::string> values{
    "\"\xC3\xA9\xE4\xB8\x96\xF0\x9F\x98\x80\xF4\x8F\xBF\xBF\xEF\xBF\xBF\x7F\"",
    "\"" + std::string(200, 'x') + "\xE4\xB8\x96" + std::string(200, 'y') + "\"",
    R"("\ud83d\ude00\uD834\uDD1E\u00e9\ud7ff\ue000\ud800\udc00\uDBFF\udfff")",
    "\"\xC3\xA9\\u00e9\\ud83d\\ude00\xC3\xA9\"",
    "1e308",
    "-1.7976931348623158e308",
    "1e-999",
    "0e999",
    "123456789012345678901234567890",
    "-" + std::string(400, '9'),
    "0." + std::string(400, '0') + "1e709",
};

}  // namespace

TEST_CASE("json_scanner: UTF-8 is broken at the first byte that it cannot have", "[protocol]") {
    CHECK(taken("[\"a\xFF\"]") == 3);
    CHECK(taken("[\"\xC3\"]") == 3);
    CHECK(taken("[\"\xE4\xB8x\"]") == 4);
    CHECK(taken("[\"\xE4\xB8\n\"]") == 4);
    CHECK(taken("[\"\xE0\x80\x80\"]") == 3);
    CHECK(taken("{\"\xED\xA0\x80\":1}") == 3);
    CHECK(taken("[\"" + std::string(100, 'a') + "\xC3\xA9" + std::string(100, 'a') + "\x80\"]") == 204);
}

TEST_CASE("json_scanner: a surrogate is broken at the first byte that leaves it alone", "[protocol]") {
    CHECK(taken(R"(["\ud83d"])") == 8);
    CHECK(taken(R"(["\ud83d\"])") == 9);
    CHECK(taken(R"(["\ud83d\u1"])") == 10);
    CHECK(taken(R"(["\ud83d\ud8"])") == 11);
    CHECK(taken(R"(["\uDC00"])") == 5);
    CHECK(taken(R"({"\udfff":1})") == 5);
}

TEST_CASE("json_scanner: a number beyond double is broken where it ends", "[protocol]") {
    CHECK(taken("[1e400,2]") == 6);
    CHECK(taken("[1e400]") == 6);
    CHECK(taken("{\"a\":-1e400\n}") == 11);
    CHECK(scan("[1e400]", 100).expected == "too great");
}

TEST_CASE("json_scanner: it takes the values that its decoders take", "[protocol]") {
    for (const auto& value : values) {
        const auto text = "{\"a\":[" + value + "]}";
        CHECK(taken(text) == text.size());
        CHECK(scan(text, 100'000).what == outcome::complete);
    }
    for (const auto& value : no_values) {
        const auto text = "{\"a\":[" + value + "]}";
        CAPTURE(text);
        CHECK(taken(text) < text.size());
    }
}

TEST_CASE("json_scanner: what broke a text is forgotten with it", "[protocol]") {
    for (const auto& value : no_values) {
        json_scanner scanner{512};
        const auto broken = "[" + value + "]";
        for (const char byte : broken) {  // one at a time, so that a number is known by what was kept of it
            if (scanner.scan(&byte, &byte + 1).what == outcome::broken) {
                break;
            }
        }
        scanner.reset();
        const std::string_view good = "[\"\xC3\xA9\\u00e9x\",1.5e5]";
        const auto [what, at] = scanner.scan(good.data(), good.data() + good.size());
        CAPTURE(broken);
        CHECK(what == outcome::complete);
        CHECK(at == good.data() + good.size());
    }
}

TEST_CASE("frame_reader: whatever makes a text malformed is answered at its line's end, in a message of many lines",
          "[protocol]") {
    for (const auto& value : no_values) {
        CAPTURE(value);
        const auto text = "{\n \"id\": 1,\n \"params\": [\n  0,\n  " + value + ",\n";
        const auto rest = std::string_view{"  1\n ]\n}\n"};
        frame_reader reader;
        for (const char byte : text) {
            REQUIRE_FALSE(reader.next());
            reader.feed({&byte, 1});
        }
        std::vector<std::string> found;
        take_all(reader, found);
        CHECK(found == lines{"<malformed>"});
        CHECK_FALSE(reader.mid_message());
        CHECK(frames_of(text) == found);
        CHECK(frames_of(text + "{}\n") == lines{"<malformed>", "{}"});
        CHECK(frames_of(text + std::string{rest} + "{}\n") ==
              lines{"<malformed>", "<scalar>", "<malformed>", "<malformed>", "{}"});
    }
    for (const auto& value : values) {
        CAPTURE(value);
        const auto text = "{\n \"params\": [\n  " + value + "\n ]\n}";
        CHECK(frames_of(text + "\n{}") == lines{text, "{}"});
    }
}

TEST_CASE("frame_reader: a scalar that is no JSON is malformed", "[protocol]") {
    for (const auto& value : no_values) {
        CAPTURE(value);
        CHECK(frames_of(value + "\n{}\n") == lines{"<malformed>", "{}"});
        CHECK(frames_of(value, true) == lines{"<malformed>"});
        CHECK(frames_of("Content-Length: " + std::to_string(value.size()) + "\r\n\r\n" + value) ==
              lines{"<malformed>"});
    }
}

TEST_CASE("frame_reader: a number that is too great is said so", "[protocol]") {
    frame_reader reader;
    reader.feed("[1,\n 1e999]\n");
    const auto wrong = reader.next();
    REQUIRE(wrong);
    REQUIRE(wrong->answer);
    CHECK(wrong->answer->reason.message ==
          "malformed JSON: line 2, column 7: the number that ends here is beyond double");
}

}  // namespace gatherd::api::protocol
