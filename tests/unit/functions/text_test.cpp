#include "api/functions/families.hpp"

#include <string>

#include <catch2/catch.hpp>

#include "tests/unit/functions/recording_context.hpp"

using gatherd::api::value;
using gatherd::api::functions::tests::recording_context;
using gatherd::api::functions::tests::standard;

TEST_CASE("str.split: between separators, or between white space of any kind", "[functions]") {
    recording_context program;
    CHECK(program.call("str.split", {"a,b,,c", ","}).dump() == R"(["a","b","","c"])");
    CHECK(program.call("str.split", {"", ","}).dump() == R"([""])");
    CHECK(program.call("str.split", {"aaaa", "aa"}).dump() == R"(["","",""])");
    CHECK(program.call("str.split", {" \ta\u2003b\u00a0\u3000c\x1f "}).dump() == R"(["a","b","c"])");
    CHECK(program.call("str.split", {""}).dump() == "[]");
    CHECK(program.raises("str.split", {"a", ""}) == "ValueError: str.split(): sep must not be empty");
    CHECK(program.raises("str.split", {1}) == "TypeError: str.split(): text must be a text, not the number 1");
    CHECK(program.raises("str.split", {"a", 1}) == "TypeError: str.split(): sep must be a text, not the number 1");
}

TEST_CASE("str.join: joins texts only, up to a bound", "[functions]") {
    recording_context program;
    CHECK(program.call("str.join", {", ", {"a", "b"}}) == "a, b");
    CHECK(program.call("str.join", {"-", "né"}) == "n-é");
    CHECK(program.call("str.join", {"-", value{{"k", 1}, {"l", 2}}}) == "k-l");
    CHECK(program.call("str.join", {"-", value::array()}) == "");
    CHECK(program.raises("str.join", {"-", {"a", 1}}) ==
          "TypeError: str.join(): each of parts must be a text, not the number 1");
    CHECK(program.raises("str.join", {"-", 1}) ==
          "TypeError: str.join(): parts must be a list of texts, not the number 1");
    const std::string mebibyte(std::size_t{1} << 20U, 'x');
    CHECK(program.raises("str.join", {mebibyte, value::array_t(100, "")}) ==
          "OverflowError: str.join(): the result would be longer than 67108864 bytes");
    const auto& f = *standard().find("str.join");
    CHECK(f.is_brief(value::array_t{"-", {"a", "b"}}));
    CHECK_FALSE(f.is_brief(value::array_t{std::string(8192, 'x'), value::array_t(64, "")}));
}

TEST_CASE("str.format: fills in {} or {N}, and knows no other field", "[functions]") {
    recording_context program;
    CHECK(program.call("str.format", {"{} and {}", "a", {1, "b"}}) == R"(a and [1,"b"])");
    CHECK(program.call("str.format", {"{1}{0}{1}", 1, nullptr}) == "null1null");
    CHECK(program.call("str.format", {"{{}} }}{{"}) == "{} }{");
    for (const char* const wrong : {"{", "}", "{x}", "{0!r}", "{:>3}", "{0.a}", "{0", "a}b"}) {
        INFO(wrong);
        CHECK(program.raises("str.format", {wrong, 1}).starts_with("ValueError: str.format(): template may hold"));
    }
    CHECK(program.raises("str.format", {"{} {0}", 1}) ==
          "ValueError: str.format(): template must number all of its fields or none");
    CHECK(program.raises("str.format", {"{1}", 1}).starts_with("IndexError: str.format(): template asks for value 1"));
    CHECK(program.raises("str.format", {"{99999999999999999999999}", 1}).starts_with("ValueError: "));
    CHECK(program.raises("str.format", {1}) == "TypeError: str.format(): template must be a text, not the number 1");
    std::string many;
    for (int i = 0; i < 100; ++i) {
        many += "{0}";
    }
    CHECK(program.raises("str.format", {many, std::string(std::size_t{1} << 20U, 'x')}).starts_with("OverflowError: "));
}

TEST_CASE("json.loads: reads one JSON text as Python does", "[functions]") {
    recording_context program;
    CHECK(program.call("json.loads", {R"( {"a": [1, -0.0, true, null, "\u00e9"]} )"}).dump() ==
          R"({"a":[1,-0.0,true,null,"é"]})");
    CHECK(program.call("json.loads", {R"({"a":1,"b":2,"a":3})"}).dump() == R"({"a":3,"b":2})");
    CHECK(program.call("json.loads", {"18446744073709551615"}).dump() == "18446744073709551615");
    for (const char* const wrong : {"", "[1,]", "NaN", "{'a':1}", "1 2", "\"\\ud800\"", "\xEF\xBB\xBF[]", "[1"}) {
        INFO(wrong);
        CHECK(program.raises("json.loads", {wrong}).starts_with("ValueError: json.loads()"));
    }
    CHECK(program.raises("json.loads", {"18446744073709551616"}).starts_with("OverflowError: "));
    CHECK(program.raises("json.loads", {"1e400"}).starts_with("OverflowError: "));
    CHECK(program.raises("json.loads", {std::string(513, '[')}).starts_with("RecursionError: "));
    CHECK(program.raises("json.loads", {nullptr}) == "TypeError: json.loads(): text must be a text, not null");
}

TEST_CASE("json.dumps: is compact and escapes no more than it must", "[functions]") {
    recording_context program;
    CHECK(program.call("json.dumps", {value{{"a", {1, 2.5, nullptr, "é\n\"\x01"}}}}) ==
          R"({"a":[1,2.5,null,"é\n\"\u0001"]})");
}
