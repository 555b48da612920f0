#include "cli/call_arguments.hpp"

#include <catch2/catch.hpp>

#include "cli/call.hpp"
#include "cli/failures.hpp"

using namespace gatherd::cli;

TEST_CASE("call_arguments: a word that is JSON is JSON, any other is text", "[cli]") {
    CHECK(call_plan("f", {"3", "-1.50", "true", "null", "[1, 2]", R"({"a":1})"}, false) ==
          R"({"call":"f","args":[3,-1.50,true,null,[1, 2],{"a":1}]})");
    CHECK(call_plan("f", {"abc", "", "01", "1e999", "NaN", "[1", "a\"b", R"("3")"}, false) ==
          R"({"call":"f","args":["abc","","01","1e999","NaN","[1","a\"b","3"]})");
}

TEST_CASE("call_arguments: a number keeps every digit", "[cli]") {
    CHECK(call_plan("f", {"18446744073709551615", "0.10"}, false) ==
          R"({"call":"f","args":[18446744073709551615,0.10]})");
}

TEST_CASE("call_arguments: without words the list is empty", "[cli]") {
    CHECK(call_plan("f", {}, false) == R"({"call":"f","args":[]})");
    CHECK(call_plan("f", {}, true) == R"({"call":"f","args":{}})");
}

TEST_CASE("call_arguments: named ones are split at the first equals sign", "[cli]") {
    CHECK(call_plan("f", {"a=1", "b=x=y", "c="}, true) == R"({"call":"f","args":{"a":1,"b":"x=y","c":""}})");
    CHECK(call_plan("f", {"a=1"}, false) == R"({"call":"f","args":["a=1"]})");
    CHECK_THROWS_AS(call_plan("f", {"a"}, true), usage_error);
    CHECK_THROWS_AS(call_plan("f", {"=1"}, true), usage_error);
    CHECK_THROWS_WITH(call_plan("f", {"a=1", "a=2"}, true), "the argument a is given twice");
}

TEST_CASE("call_arguments: bytes that are no UTF-8 are refused", "[cli]") {
    CHECK_THROWS_AS(call_plan("f", {"\xff"}, false), usage_error);
    CHECK_THROWS_AS(call_plan("\xff", {}, false), usage_error);
}

TEST_CASE("call_arguments: only words that the parser would misread are marked, and only call's", "[cli]") {
    using words = std::vector<std::string>;
    words call{"call", "f", "[1,2]", "[1", "--connect", "[::1]:1"};
    shield_arguments(call);
    CHECK(call == words{"call", "f", "\x01[1,2]", "[1", "--connect", "[::1]:1"});
    words dashes{"call", "--time", "f", "a", "--", "--time", "--"};
    shield_arguments(dashes);
    CHECK(dashes == words{"call", "--time", "f", "a", "\x01--time", "\x01--"});
    words other{"submit", "[1]", "--"};
    shield_arguments(other);
    CHECK(other == words{"submit", "[1]", "--"});
}
