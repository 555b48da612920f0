#include "cli/client/call_arguments.hpp"

#include <catch2/catch.hpp>

#include "cli/failures.hpp"

using namespace gatherd::cli;

TEST_CASE("call_arguments: a word that is JSON is JSON, any other is text", "[cli]") {
    CHECK(call_plan({.function = "f", .words = {"3", "-1.50", "true", "null", "[1, 2]", R"({"a":1})"}}) ==
          R"({"call":"f","args":[3,-1.50,true,null,[1, 2],{"a":1}],"literal":true})");
    CHECK(call_plan({.function = "f", .words = {"abc", "", "01", "1e999", "NaN", "[1", "a\"b", R"("3")"}}) ==
          R"({"call":"f","args":["abc","","01","1e999","NaN","[1","a\"b","3"],"literal":true})");
}

TEST_CASE("call_arguments: a number keeps every digit", "[cli]") {
    CHECK(call_plan({.function = "f", .words = {"18446744073709551615", "0.10"}}) ==
          R"({"call":"f","args":[18446744073709551615,0.10],"literal":true})");
}

TEST_CASE("call_arguments: without words the list is empty", "[cli]") {
    CHECK(call_plan({.function = "f", .words = {}}) == R"({"call":"f","args":[],"literal":true})");
    CHECK(call_plan({.function = "f", .words = {}, .named = true}) == R"({"call":"f","args":{},"literal":true})");
}

TEST_CASE("call_arguments: named ones are split at the first equals sign", "[cli]") {
    CHECK(call_plan({.function = "f", .words = {"a=1", "b=x=y", "c="}, .named = true}) ==
          R"({"call":"f","args":{"a":1,"b":"x=y","c":""},"literal":true})");
    CHECK(call_plan({.function = "f", .words = {"a=1"}}) == R"({"call":"f","args":["a=1"],"literal":true})");
    CHECK_THROWS_AS(call_plan({.function = "f", .words = {"a"}, .named = true}), usage_error);
    CHECK_THROWS_AS(call_plan({.function = "f", .words = {"=1"}, .named = true}), usage_error);
    CHECK_THROWS_WITH(call_plan({.function = "f", .words = {"a=1", "a=2"}, .named = true}),
                      "the argument a is given twice");
}

TEST_CASE("call_arguments: bytes that are no UTF-8 are refused", "[cli]") {
    CHECK_THROWS_AS(call_plan({.function = "f", .words = {"\xff"}}), usage_error);
    CHECK_THROWS_AS(call_plan({.function = "\xff", .words = {}}), usage_error);
}

TEST_CASE("call_arguments: --arg names a text and --argjson JSON", "[cli]") {
    CHECK(call_plan({.function = "f", .texts = {{"a", "3"}}, .values = {{"b", "3"}}}) ==
          R"({"call":"f","args":{"a":"3","b":3},"literal":true})");
    CHECK(call_plan({.function = "f", .words = {"c=1"}, .named = true, .texts = {{"a", ""}}}) ==
          R"({"call":"f","args":{"c":1,"a":""},"literal":true})");
    CHECK_THROWS_WITH(call_plan({.function = "f", .values = {{"b", "x"}}}),
                      Catch::Contains("--argjson b: 'x' is not JSON"));
    CHECK_THROWS_WITH(call_plan({.function = "f", .words = {"1"}, .texts = {{"a", "b"}}}),
                      Catch::Contains("by position"));
    CHECK_THROWS_WITH(call_plan({.function = "f", .texts = {{"a", "b"}, {"a", "c"}}}), "the argument a is given twice");
}
