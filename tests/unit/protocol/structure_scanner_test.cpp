#include "api/protocol/structure_scanner.hpp"

#include <catch2/catch.hpp>

#include <string>
#include <string_view>

namespace gatherd::api::protocol {
namespace {

using outcome = structure_scanner::outcome;

struct scanned {
    outcome what;
    std::size_t taken;
    std::string expected;

    bool operator==(const scanned&) const = default;
};

scanned scan(std::string_view text, std::size_t piece) {
    structure_scanner scanner{4};
    for (std::size_t at = 0; at < text.size(); at += piece) {
        const auto part = text.substr(at, piece);
        const auto [what, end] = scanner.scan(part.data(), part.data() + part.size());
        if (what != outcome::more) {
            return {what, static_cast<std::size_t>(end - text.data()), std::string{scanner.expected()}};
        }
    }
    return {outcome::more, text.size(), {}};
}

/// What the text is and how many bytes of it were taken, in whatever pieces it comes.
scanned scan(std::string_view text) {
    auto whole = scan(text, text.size());
    for (const std::size_t piece : {std::size_t{1}, std::size_t{2}, std::size_t{3}, std::size_t{9}}) {
        CAPTURE(text, piece);
        CHECK(scan(text, piece) == whole);
    }
    return whole;
}

}  // namespace

TEST_CASE("structure_scanner: a text ends where its outermost bracket closes", "[protocol]") {
    for (const std::string text : {"{}", "[]", "[[]]", R"({"a":1})", R"( { "a" : [ 1 , {} ] , "b" : "c" } )",
                                   "[1,2.5e3,true,null,\"\"]", R"(["]","}","\"","\\",":,{["])", "[\n1\n,\n2\n]",
                                   "{\"a\":\r\n{\"b\":[]}}", "[\"0123456789abcdef\\n0123456789\"]"}) {
        CAPTURE(text);
        const auto end = text.find_last_of("]}") + 1;
        CHECK(scan(text + "{}\n").what == outcome::complete);
        CHECK(scan(text + "{}\n").taken == end);
        for (std::size_t size = 0; size < end; ++size) {
            CHECK(scan(text.substr(0, size)).what == outcome::more);
        }
    }
}

TEST_CASE("structure_scanner: a fault is found at its first byte", "[protocol]") {
    const auto broken = [](std::string_view text) {
        const auto found = scan(text);
        CHECK(found.what == outcome::broken);
        return found.taken;
    };
    CHECK(broken("[}") == 1);
    CHECK(broken("{]") == 1);
    CHECK(broken("]") == 0);
    CHECK(broken("[1}") == 2);
    CHECK(broken(R"({"a":1])") == 6);
    CHECK(broken("[,1]") == 1);
    CHECK(broken("[1,]") == 3);
    CHECK(broken("[1,,2]") == 3);
    CHECK(broken("[1 2]") == 3);
    CHECK(broken("[1\"2\"]") == 2);
    CHECK(broken("[\"1\"2]") == 4);
    CHECK(broken("[1[") == 2);
    CHECK(broken("[[]{") == 3);
    CHECK(broken("[1:2]") == 2);
    CHECK(broken("{,}") == 1);
    CHECK(broken("{1:2}") == 1);
    CHECK(broken(R"({"a"})") == 4);
    CHECK(broken(R"({"a",)") == 4);
    CHECK(broken(R"({"a" 1})") == 5);
    CHECK(broken(R"({"a"::)") == 5);
    CHECK(broken(R"({"a":})") == 5);
    CHECK(broken(R"({"a":1,})") == 7);
    CHECK(broken(R"({"a":1 "b")") == 7);
    CHECK(broken(R"({"a":1:)") == 6);
    CHECK(broken("[\"a\nb\"]") == 3);
    CHECK(broken("[\"0123456789\n\"]") == 12);
    CHECK(broken("[\"a\\\n\"]") == 4);
    CHECK(broken(",") == 0);
    CHECK(broken("1,") == 1);
    CHECK(broken("1 2") == 2);
    CHECK(broken("1{") == 1);
    CHECK(broken("\"a\"\"b\"") == 3);
}

TEST_CASE("structure_scanner: a scalar ends with its line", "[protocol]") {
    for (const std::string text : {"1", "-0.5e3 ", "true\t", "\"{}\"", "\"a\\\"\"\r", "nonsense"}) {
        CAPTURE(text);
        CHECK(scan(text + "\n{}") == scanned{outcome::scalar, text.size(), scan(text + "\n").expected});
        CHECK(scan(text).what == outcome::more);
    }
    structure_scanner scanner{4};
    const auto is_whole = [&](std::string_view text) {
        scanner.reset();
        static_cast<void>(scanner.scan(text.data(), text.data() + text.size()));
        return scanner.is_whole_scalar();
    };
    CHECK(is_whole("1"));
    CHECK(is_whole("\"a\" "));
    CHECK_FALSE(is_whole("\"a"));
    CHECK_FALSE(is_whole(""));
    CHECK_FALSE(is_whole("["));
}

TEST_CASE("structure_scanner: how values are spelt is not looked at", "[protocol]") {
    for (const std::string value : {"01", "-", "1.2.3", "truefalse", "NaN", "'a'", "\"\\x\"", "\"\\ud800\"", "\"\xFF\"",
                                    "\"\t\"", "\x01", "1e999"}) {
        CAPTURE(value);
        CHECK(scan("[" + value + "]").what == outcome::complete);
    }
}

TEST_CASE("structure_scanner: one bracket too many is said once, and scanning goes on", "[protocol]") {
    structure_scanner scanner{2};
    const std::string_view text = "[[[[]]]{";
    auto [what, at] = scanner.scan(text.data(), text.data() + text.size());
    CHECK(what == outcome::too_deep);
    CHECK(at == text.data() + 3);
    std::tie(what, at) = [&] {
        const auto next = scanner.scan(at, text.data() + text.size());
        return std::pair{next.what, next.at};
    }();
    CHECK(what == outcome::broken);  // brackets match beyond the limit too
    CHECK(at == text.data() + 7);
    CHECK(scan(std::string(4, '[') + std::string(4, ']')).what == outcome::complete);
    CHECK(scan(std::string(5, '[')).what == outcome::too_deep);
}

TEST_CASE("structure_scanner: deep brackets keep their kinds", "[protocol]") {
    std::string opening;
    std::string closing;
    for (std::size_t i = 0; i < 300; ++i) {
        const bool is_object = i % 3 == 0;
        opening += is_object ? R"({"":)" : "[";
        closing.insert(0, is_object ? "}" : "]");
    }
    structure_scanner scanner{300};
    const auto text = opening + "1" + closing;
    CHECK(scanner.scan(text.data(), text.data() + text.size()).what == outcome::complete);
    for (std::size_t i = 0; i < closing.size(); ++i) {
        auto wrong = text;
        char& bracket = wrong[opening.size() + 1 + i];
        bracket = bracket == '}' ? ']' : '}';
        scanner.reset();
        const auto [what, at] = scanner.scan(wrong.data(), wrong.data() + wrong.size());
        CHECK(what == outcome::broken);
        CHECK(at == &bracket);
    }
}

}  // namespace gatherd::api::protocol
