#include "api/functions/argument.hpp"

#include <string>
#include <string_view>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

using namespace gatherd::api::functions;
using gatherd::api::value;
using gatherd::api::plan::raised;

namespace {

const std::string replaced = "\xEF\xBF\xBD";

/// What reading raises, as "Type: message".
template <typename Read>
std::string refusal(const value& given, Read read) {
    try {
        static_cast<void>(read(argument{"f", "x", given}));
    } catch (const raised& e) {
        return e.type() + ": " + e.message();
    }
    return {};
}

}  // namespace

TEST_CASE("argument: a wrong one is told with function, parameter, what came and what was expected", "[functions]") {
    const auto text = [](const argument& a) { return a.text(); };
    CHECK(refusal(5, text) == "TypeError: f(): x must be a text, not the number 5");
    CHECK(refusal(nullptr, text) == "TypeError: f(): x must be a text, not null");
    CHECK(refusal(value::array(), text) == "TypeError: f(): x must be a text, not a list");
    CHECK(refusal("yes", [](const argument& a) { return a.flag(); }) ==
          "TypeError: f(): x must be true or false, not the text 'yes'");
    const auto count = [](const argument& a) { return a.count(1, 9); };
    CHECK(refusal(10, count) == "ValueError: f(): x must be a whole number from 1 to 9, not the number 10");
    CHECK(refusal(1.0, count) == "TypeError: f(): x must be a whole number from 1 to 9, not the number 1.0");
    CHECK(refusal(9, count).empty());
    CHECK(refusal(-0.5, [](const argument& a) { return a.seconds(); }) ==
          "ValueError: f(): x must be a number of seconds from 0 on, not the number -0.5");
    CHECK(refusal(value{"a", 1}, [](const argument& a) { return a.texts(); }) ==
          "TypeError: f(): x must be a list of texts, and its item 1 is the number 1");
}

TEST_CASE("argument: base64 is taken with its padding and nothing else", "[functions]") {
    for (const std::string& bytes : {std::string{}, std::string{"a"}, std::string{"ab"}, std::string{"abc"},
                                     std::string(100, '\xFF'), std::string(4, '\0')}) {
        CHECK(from_base64(to_base64(bytes)) == bytes);
    }
    CHECK(to_base64("a") == "YQ==");
    for (const char* const bad : {"YQ", "YQ=", "YQ==\n", " YQ==", "Y===", "Y?==", "=YQ=", "===="}) {
        CAPTURE(bad);
        CHECK_FALSE(from_base64(bad).has_value());
    }
    const std::string large(50'000'001, 'x');
    CHECK(from_base64(to_base64(large)) == large);
}

TEST_CASE("argument: bytes that are no UTF-8 are replaced part by part, as Python does", "[functions]") {
    CHECK(text_from("grüße €𝄞") == "grüße €𝄞");
    CHECK(text_from("a\xFF"
                    "b") == "a" + replaced + "b");
    CHECK(text_from("\xE2\x82") == replaced);  // the beginning of a character is one part
    CHECK(text_from("\xF0\x9F\x92"
                    "a") == replaced + "a");
    CHECK(text_from("\xC0\x80") == replaced + replaced);                 // too long
    CHECK(text_from("\xED\xA0\x80") == replaced + replaced + replaced);  // a surrogate
    CHECK(text_from("\xF5") == replaced);
}

TEST_CASE("argument: a text is cut between characters", "[functions]") {
    CHECK(whole_characters("ab") == 2);
    CHECK(whole_characters("a\xC3") == 1);
    CHECK(whole_characters("a\xC3\xA4") == 3);
    CHECK(whole_characters("a\xF0\x9F\x92") == 1);
    CHECK(whole_characters("") == 0);
}
