#include "api/functions/families.hpp"

#include <string>
#include <utility>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "tests/unit/functions/recording_context.hpp"

using gatherd::api::value;
using gatherd::api::functions::tests::recording_context;

namespace {

std::string found(value::array_t texts, const std::string& pattern) {
    return recording_context{}.call("text.search", {value(std::move(texts)), pattern}).dump();
}

std::string refused(value texts, value pattern) {
    return recording_context{}.raises("text.search", {std::move(texts), std::move(pattern)});
}

}  // namespace

TEST_CASE("text.search: gives the first match of each text that has one", "[functions]") {
    CHECK(
        found({"a1b2", "none", "33"}, "[0-9]+") ==
        R"([{"index":0,"start":1,"end":2,"match":"1","groups":[]},{"index":2,"start":0,"end":2,"match":"33","groups":[]}])");
    CHECK(found({}, "a") == "[]");
    CHECK(found({""}, "") == R"([{"index":0,"start":0,"end":0,"match":"","groups":[]}])");
}

TEST_CASE("text.search: counts code points", "[functions]") {
    CHECK(found({"äö€𝄞xü"}, "x.") == R"([{"index":0,"start":4,"end":6,"match":"xü","groups":[]}])");
    CHECK(found({std::string("a\0b", 3)}, "b") == R"([{"index":0,"start":2,"end":3,"match":"b","groups":[]}])");
}

TEST_CASE("text.search: groups are text, or null where they took no part", "[functions]") {
    CHECK(found({"ab"}, "(a)(x)?(b|c)()") ==
          R"([{"index":0,"start":0,"end":2,"match":"ab","groups":["a",null,"b",""]}])");
}

TEST_CASE("text.search: many texts keep their order", "[functions]") {
    value::array_t texts;
    for (int i = 0; i < 10'000; ++i) {
        texts.emplace_back("text " + std::to_string(i));
    }
    const value all = recording_context{}.call("text.search", {value(texts), "[0-9]*5$"});
    CHECK(all.size() == 1'000);
    CHECK(all[999]["index"] == 9'995);
}

TEST_CASE("text.search: the time of a pattern is bounded", "[functions]") {
    CHECK(found({std::string(100'000, 'a')}, "(a*)*b") == "[]");
    CHECK(found({std::string(1'000, 'a')}, "(a?){900}a{900}$").find("\"end\":1000") != std::string::npos);
    CHECK(refused({"a"}, "((a{100}){100}){100}")
              .starts_with("ValueError: text.search(): pattern '((a{100}){100}){100}' cannot be used: "));
    CHECK(refused({std::string(20'000'000, 'a')}, "(x{0,500})y").find("this pattern is searched for in at most") !=
          std::string::npos);
    CHECK(refused({"a"}, std::string(5'000, 'a')) ==
          "ValueError: text.search(): pattern has 5000 bytes, more than 4096");
    std::string groups;
    for (int i = 0; i < 101; ++i) {
        groups += "(a)";
    }
    CHECK(refused({"a"}, groups).find("it has 101 groups, more than 100") != std::string::npos);
}

TEST_CASE("text.search: what is wrong says why", "[functions]") {
    CHECK(refused({"a"}, "(") == "ValueError: text.search(): pattern '(' cannot be used: missing ): (");
    CHECK(refused({"a"}, "(?=a)").starts_with("ValueError"));
    CHECK(refused({"a"}, 5) == "TypeError: text.search(): pattern must be a text, not the number 5");
    CHECK(refused("a", "a") == "TypeError: text.search(): texts must be a list of texts, not the text 'a'");
    CHECK(refused({"a", 5}, "a") == "TypeError: text.search(): item 1 of texts must be a text, not the number 5");
}
