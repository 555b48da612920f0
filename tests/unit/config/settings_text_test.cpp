#include "config/settings_text.hpp"

#include <catch2/catch.hpp>

using gatherd::config::read_settings_text;

namespace {

/// The faults as "line:column: message".
std::string faults(std::string_view text) {
    std::string all;
    for (const auto& each : read_settings_text(text).faults) {
        all += std::to_string(each.place.line) + ":" + std::to_string(each.place.column) + ": " + each.message;
    }
    return all;
}

}  // namespace

TEST_CASE("settings_text: nested and dotted names come out the same", "[config]") {
    const auto content = read_settings_text(R"({"threads": 2, "limits": {"depth": 3}, "log.level": "off"})");
    REQUIRE(content.faults.empty());
    REQUIRE(content.entries.size() == 3);
    CHECK(content.entries[0].name == "threads");
    CHECK(content.entries[1].name == "limits.depth");
    CHECK(content.entries[1].value == 3);
    CHECK(content.entries[2].name == "log.level");
    CHECK(content.entries[2].value == "off");
}

TEST_CASE("settings_text: each name has its line and column", "[config]") {
    const auto content = read_settings_text("{\n  \"threads\": 2,\n  \"limits\": {\n    \"depth\" : 3 }\n}\n");
    REQUIRE(content.entries.size() == 2);
    CHECK(content.entries[0].place.line == 2);
    CHECK(content.entries[0].place.column == 3);
    CHECK(content.entries[1].place.line == 4);
    CHECK(content.entries[1].place.column == 5);
}

TEST_CASE("settings_text: an object under a name that is no group is one value", "[config]") {
    const auto content = read_settings_text(R"({"limtis": {"depth": {"a": [1]}}, "threads": {"a": 1}, "listen": [1]})");
    REQUIRE(content.entries.size() == 3);
    CHECK(content.entries[0].name == "limtis");
    CHECK(content.entries[0].value.is_object());
    CHECK(content.entries[1].name == "threads");
    CHECK(content.entries[2].name == "listen");
}

TEST_CASE("settings_text: an array keeps its elements, whatever they are", "[config]") {
    const auto content = read_settings_text(R"({"listen": ["a:1", ["x"], {"y": 1}, "b:2"]})");
    REQUIRE(content.entries.size() == 1);
    CHECK(content.entries[0].value.front() == "a:1");
    CHECK(content.entries[0].value.back() == "b:2");
    CHECK(content.entries[0].value.dump() == R"(["a:1",["x"],{"y":1},"b:2"])");
}

TEST_CASE("settings_text: malformed JSON is told with its line and column", "[config]") {
    CHECK(faults("{\n  \"threads\": 2,\n}").starts_with("3:1: not JSON: syntax error"));
    CHECK(faults("{\"threads\" 2}").starts_with("1:12: not JSON: syntax error"));
    CHECK(faults("{\"threads\": 2").starts_with("1:14: not JSON: syntax error"));
    CHECK(faults("{} {}").starts_with("1:4: not JSON: syntax error"));
    CHECK(faults("{\"threads\": 1e999}").find("not JSON: number overflow") != std::string::npos);
}

TEST_CASE("settings_text: someone who writes comments is told that JSON has none", "[config]") {
    const std::string message = "JSON has no comments: take this one out";
    CHECK(faults("{\n  // how many\n  \"threads\": 2}") == "2:3: " + message);
    CHECK(faults("{\n  /* how many */ \"threads\": 2}") == "2:3: " + message);
    CHECK(faults("{\n  # how many\n  \"threads\": 2}") == "2:3: " + message);
}

TEST_CASE("settings_text: what is no object is refused", "[config]") {
    const auto* const text = GENERATE("[]", "[{}]", "7", "\"threads\"", "null");
    CHECK(faults(text) == R"(1:1: the file must be an object, as {"threads": 4})");
}

TEST_CASE("settings_text: an empty file says what would be the least", "[config]") {
    const auto* const text = GENERATE("", " \n\t\n");
    CHECK(faults(text).find("the file is empty: write at least {}") != std::string::npos);
    CHECK(faults("{}").empty());
}

TEST_CASE("settings_text: entries before a malformed place are kept", "[config]") {
    const auto content = read_settings_text("{\"treads\": 2,\n oops}");
    CHECK(content.entries.size() == 1);
    CHECK(content.faults.size() == 1);
}

TEST_CASE("settings_text: a name with escapes does not lead out of the text", "[config]") {
    const auto content = read_settings_text("{\"\\u0041\": 1, \"\": 2}");
    REQUIRE(content.entries.size() == 2);
    CHECK(content.entries[0].name == "A");
    CHECK(content.entries[0].place.line == 1);
    CHECK(content.entries[1].name.empty());
}
