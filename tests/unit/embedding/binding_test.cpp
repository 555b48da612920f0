// The binding of C++ types to JSON: what fits, what does not and how that is told, and what results may be.
#include <pthread.h>

#include <array>
#include <atomic>
#include <cmath>
#include <cstdint>
#include <limits>
#include <stdexcept>
#include <system_error>

#include <catch2/catch.hpp>

#include "gatherd/api/raised.hpp"
#include "gatherd/executor/errors.hpp"
#include "gatherd/executor/event.hpp"
#include "gatherd/executor/sleep.hpp"
#include "own_functions.hpp"

namespace {

using gatherd::api::lane, gatherd::api::raised, gatherd::api::registry, gatherd::api::value;
using gatherd::api::tests::own_functions;
using gatherd::executor::task;

struct box {
    int width = 0;
    std::string label;
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(box, width, label)

/// A function that gives back what it gets.
template <typename T>
void add_echo(registry& functions, const std::string& name) {
    functions.add(name, [](T given) { return given; }, {.parameters = {{"given"}}, .runs = lane::at_once});
}

registry echoes() {
    registry functions;
    add_echo<bool>(functions, "flag");
    add_echo<std::int8_t>(functions, "int8");
    add_echo<std::uint8_t>(functions, "uint8");
    add_echo<int>(functions, "int");
    add_echo<std::int64_t>(functions, "int64");
    add_echo<std::uint64_t>(functions, "uint64");
    add_echo<float>(functions, "float");
    add_echo<double>(functions, "double");
    add_echo<std::string>(functions, "text");
    add_echo<std::vector<int>>(functions, "ints");
    add_echo<std::vector<std::vector<std::string>>>(functions, "tables");
    add_echo<std::map<std::string, double>>(functions, "numbers");
    add_echo<std::unordered_map<std::string, bool>>(functions, "flags");
    add_echo<std::optional<int>>(functions, "maybe");
    add_echo<value>(functions, "any");
    add_echo<nlohmann::json>(functions, "sorted_json");
    add_echo<nlohmann::ordered_json>(functions, "ordered_json");
    add_echo<box>(functions, "box");
    add_echo<std::map<std::string, std::vector<box>>>(functions, "boxes");
    return functions;
}

}  // namespace

TEST_CASE("binding: a value of each type comes in and goes out as it was", "[embedding]") {
    own_functions functions{echoes()};
    const auto [name, given] =
        GENERATE(table<const char*, const char*>({{"flag", "true"},
                                                  {"int8", "-128"},
                                                  {"int8", "127"},
                                                  {"uint8", "255"},
                                                  {"int", "-2147483648"},
                                                  {"int64", "-9223372036854775808"},
                                                  {"int64", "9223372036854775807"},
                                                  {"uint64", "18446744073709551615"},
                                                  {"float", "0.5"},
                                                  {"double", "0.1"},
                                                  {"double", "1.7976931348623157e+308"},
                                                  {"text", R"("Zürich 🏔")"},
                                                  {"text", R"("")"},
                                                  {"ints", "[1,2,3]"},
                                                  {"ints", "[]"},
                                                  {"tables", R"([["a"],[],["b","c"]])"},
                                                  {"numbers", R"({"a":1.5,"b":-2.0})"},
                                                  {"flags", R"({"on":true})"},
                                                  {"maybe", "null"},
                                                  {"maybe", "7"},
                                                  {"any", R"({"b":1,"a":[null,2.0,"x"]})"},
                                                  {"sorted_json", R"({"a":1,"b":[2.5]})"},
                                                  {"ordered_json", R"({"b":1,"a":2})"},
                                                  {"box", R"({"width":3,"label":"x"})"},
                                                  {"boxes", R"({"a":[{"width":3,"label":"x"}]})"}}));
    CAPTURE(name, given);
    const auto expected = value::parse(given);
    const auto made = value::parse(functions.call(name, "[" + std::string{given} + "]"));
    CHECK((std::string{name} == "box" || std::string{name} == "boxes" ? nlohmann::json(made) == nlohmann::json(expected)
                                                                      : made.dump() == expected.dump()));
}

TEST_CASE("binding: a whole number is taken for a double, and is one then", "[embedding]") {
    own_functions functions{echoes()};
    CHECK(functions.call("double", "[2]") == "2.0");
}

TEST_CASE("binding: a value of another type raises TypeError that names function, parameter, both types",
          "[embedding]") {
    own_functions functions{echoes()};
    const auto [name, given, error] = GENERATE(table<const char*, const char*, const char*>(
        {{"flag", "1", "flag(): given must be true or false, not the number 1"},
         {"int", "1.0", "int(): given must be an integer, not the number 1.0"},
         {"int", "true", "int(): given must be an integer, not true"},
         {"int", R"("3")", "int(): given must be an integer, not the text '3'"},
         {"uint64", "null", "uint64(): given must be an integer, not null"},
         {"double", R"("x")", "double(): given must be a number, not the text 'x'"},
         {"double", "false", "double(): given must be a number, not false"},
         {"text", "5", "text(): given must be a text, not the number 5"},
         {"ints", R"({"a":1})", "ints(): given must be a list, not an object"},
         {"ints", R"([1,"2"])", "ints(): given[1] must be an integer, not the text '2'"},
         {"tables", R"([[],["a",null]])", "tables(): given[1][1] must be a text, not null"},
         {"numbers", "[1]", "numbers(): given must be an object, not a list"},
         {"numbers", R"({"a":"b"})", "numbers(): given['a'] must be a number, not the text 'b'"},
         {"maybe", R"("x")", "maybe(): given must be an integer, not the text 'x'"},
         {"box", "{}", "box(): given is an object that does not fit: key 'width' not found"},
         {"box", "[1]", "box(): given is a list that does not fit: cannot use at() with array"},
         {"boxes", R"({"a":[{"width":"w","label":""}]})",
          "boxes(): given['a'][0] is an object that does not fit: type must be number, but is string"}}));
    CAPTURE(name, given);
    CHECK(functions.call(name, "[" + std::string{given} + "]") == "TypeError: " + std::string{error});
}

TEST_CASE("binding: a number out of a type's range raises ValueError", "[embedding]") {
    own_functions functions{echoes()};
    const auto [name, given, error] = GENERATE(table<const char*, const char*, const char*>(
        {{"int8", "128", "int8(): given must be an integer from -128 to 127, not the number 128"},
         {"int8", "-129", "int8(): given must be an integer from -128 to 127, not the number -129"},
         {"uint8", "256", "uint8(): given must be an integer from 0 to 255, not the number 256"},
         {"uint8", "-1", "uint8(): given must be an integer from 0 to 255, not the number -1"},
         {"int", "2147483648",
          "int(): given must be an integer from -2147483648 to 2147483647, not the number 2147483648"},
         {"int64", "9223372036854775808",
          "int64(): given must be an integer from -9223372036854775808 to 9223372036854775807, not the number "
          "9223372036854775808"},
         {"uint64", "-1", "uint64(): given must be an integer from 0 to 18446744073709551615, not the number -1"},
         {"float", "1e39", "float(): given must be a number that a float holds, not the number 1e+39"}}));
    CAPTURE(name, given);
    CHECK(functions.call(name, "[" + std::string{given} + "]") == "ValueError: " + std::string{error});
}

TEST_CASE("binding: arguments by position and by name, defaults, and those that may be left out", "[embedding]") {
    registry own;
    own.add("join",
            [](const std::string& a, std::string_view b, int times, std::optional<std::string> end) {
                return a + std::string{b} + std::to_string(times) + end.value_or("-");
            },
            {.parameters = {{"a"}, {"b"}, {"times", 2}, {"end"}}, .runs = lane::at_once});
    own.add("unnamed", [](int a, int b) { return a - b; });
    own.add("nothing", [] {});
    own_functions functions{std::move(own)};
    CHECK(functions.call("join", R"(["x","y"])") == R"("xy2-")");
    CHECK(functions.call("join", R"(["x","y",3,"!"])") == R"("xy3!")");
    CHECK(functions.call("join", R"({"b":"y","a":"x","end":"."})") == R"("xy2.")");
    CHECK(functions.call("join", R"(["x"])").starts_with("refused: "));
    CHECK(functions.call("join", R"(["x"])").find("join() misses the required argument 'b'") != std::string::npos);
    CHECK(functions.call("join", R"(["x","y",1,"z",5])").find("join() takes at most 4 arguments, 5 given") !=
          std::string::npos);
    CHECK(functions.call("join", R"({"a":"x","b":"y","time":1})").find("time") != std::string::npos);
    CHECK(functions.run(R"({"call":"join","args":{"await":{"value":["x"]}}})") ==
          "TypeError: join() misses the required argument 'b'");
    CHECK(functions.call("unnamed", "[5,3]") == "2");
    CHECK(functions.call("unnamed", R"({"arg2":5,"arg1":3})") == "-2");
    CHECK(functions.call("nothing", "[]") == "null");
}

TEST_CASE("binding: what JSON cannot hold in a result raises", "[embedding]") {
    registry own;
    const auto add = [&own](const char* name, auto body) { own.add(name, body, {.runs = lane::at_once}); };
    add("nan", [] { return std::nan(""); });
    add("infinite", [] { return std::vector<float>{1.0F, std::numeric_limits<float>::infinity()}; });
    add("inner_nan", [] { return value{{"a", {1, std::nan("")}}}; });
    add("user_nan", [] { return std::pair{1, std::nan("")}; });
    add("latin1", [] { return std::string{"Z\xFCrich"}; });
    add("latin1_name", [] { return std::map<std::string, int>{{"\xFC", 1}}; });
    add("inner_latin1", [] { return value{{"a", "\xFC"}}; });
    add("binary", [] { return value::binary({1, 2}); });
    const std::string deep_text = std::string(100'000, '[') + std::string(100'000, ']');
    add("deep_json", [deep_text] { return nlohmann::json::parse(deep_text); });
    add("deep_ordered_json", [deep_text] { return nlohmann::ordered_json::parse(deep_text); });
    add("deep", [] {
        value all = value::array();
        for (int i = 0; i < 100'000; ++i) {
            value outer = value::array();
            outer.push_back(std::move(all));
            all = std::move(outer);
        }
        return all;
    });
    add("literal", [] { return "a literal"; });
    own_functions functions{std::move(own)};
    const std::string not_finite = "OverflowError: the float result is not finite: JSON has no such number";
    const std::string not_text = "ValueError: a text of the result is not UTF-8";
    CHECK(functions.call("nan", "[]") == not_finite);
    CHECK(functions.call("infinite", "[]") == not_finite);
    CHECK(functions.call("inner_nan", "[]") == not_finite);
    CHECK(functions.call("user_nan", "[]") == not_finite);
    CHECK(functions.call("latin1", "[]") == not_text);
    CHECK(functions.call("latin1_name", "[]") == not_text);
    CHECK(functions.call("inner_latin1", "[]") == not_text);
    CHECK(functions.call("binary", "[]") == "TypeError: the result has a part that JSON cannot hold");
    CHECK(functions.call("deep", "[]") == "RecursionError: the result nests deeper than 1000");
    CHECK(functions.call("deep_json", "[]") == "RecursionError: the result nests deeper than 1000");
    CHECK(functions.call("deep_ordered_json", "[]") == "RecursionError: the result nests deeper than 1000");
    CHECK(functions.call("literal", "[]") == R"("a literal")");
}

TEST_CASE("binding: an exception is raised by its type, as CPython has it", "[embedding]") {
    registry own;
    own.add("fails", [](int kind) -> int {
        switch (kind) {
            case 0:
                throw std::invalid_argument{"i"};
            case 1:
                throw std::out_of_range{"o"};
            case 2:
                throw std::overflow_error{"v"};
            case 3:
                throw std::domain_error{"d"};
            case 4:
                throw std::length_error{"l"};
            case 5:
                throw std::range_error{"r"};
            case 6:
                throw std::runtime_error{"not UTF-8: \xFC"};
            case 7:
                throw std::bad_alloc{};
            case 8:
                throw std::system_error{ENOENT, std::generic_category(), "a.txt"};
            case 9:
                throw raised{"KeyError", "'k'"};
            case 10:
                throw gatherd::executor::timeout_error{"late"};
            case 11:
                throw 5;  // NOLINT
            case 12:
                throw raised{"", "nameless"};
            case 13:
                throw raised{"Key\nError", "with a line end"};
            default:
                throw std::logic_error{"g"};
        }
    });
    own_functions functions{std::move(own)};
    const std::array<const char*, 15> expected{"ValueError: i",
                                               "IndexError: o",
                                               "OverflowError: v",
                                               "ValueError: d",
                                               "ValueError: l",
                                               "ValueError: r",
                                               "RuntimeError: not UTF-8: \xEF\xBF\xBD",
                                               "MemoryError: ",
                                               "FileNotFoundError: a.txt: No such file or directory",
                                               "KeyError: 'k'",
                                               "TimeoutError: late",
                                               "RuntimeError: an exception that is no std::exception",
                                               "RuntimeError: nameless",
                                               "RuntimeError: with a line end",
                                               "RuntimeError: g"};
    for (std::size_t i = 0; i < expected.size(); ++i) {
        CHECK(functions.call("fails", "[" + std::to_string(i) + "]") == expected[i]);
    }
}

TEST_CASE("binding: a variadic parameter gets all further arguments", "[embedding]") {
    registry own;
    own.add("join",
            [](std::string_view between, std::vector<std::string> parts) {
                std::string all;
                for (const auto& each : parts) {
                    all += (all.empty() ? "" : std::string{between}) + each;
                }
                return all;
            },
            {.parameters = {{"between"}, {.name = "parts", .variadic = true}}});
    own_functions functions{std::move(own)};
    CHECK(functions.call("join", R"(["-"])") == R"("")");
    CHECK(functions.call("join", R"(["-","a","b","c"])") == R"("a-b-c")");
    CHECK(functions.call("join", R"(["-","a",1])") == "TypeError: join(): parts[1] must be a text, not the number 1");
}

TEST_CASE("binding: a coroutine gets its arguments for its life, and is cancelled where it waits", "[embedding]") {
    std::atomic<bool> was_cancelled{false};
    registry own;
    own.add("later", [](const std::string& text, std::vector<int> numbers) -> task<std::string> {
        co_await gatherd::executor::sleep(std::chrono::milliseconds{1});
        co_return text + std::to_string(numbers.back());
    });
    own.add("never", [&was_cancelled]() -> task<> {
        gatherd::executor::event never;
        try {
            co_await never.wait();
        } catch (const gatherd::executor::cancelled_error&) {
            was_cancelled = true;
            throw;
        }
    });
    own.add("fails", [](int /*ignored*/) -> task<int> {
        co_await gatherd::executor::sleep(std::chrono::nanoseconds{0});
        throw std::out_of_range{"far"};
    });
    own.add("nan", []() -> task<double> { co_return std::nan(""); });
    own_functions functions{std::move(own)};
    CHECK(functions.call("later", R"(["a long text that has memory of its own",[1,2]])") ==
          R"("a long text that has memory of its own2")");
    CHECK(functions.call("later", R"(["a",5])") == "TypeError: later(): arg2 must be a list, not the number 5");
    CHECK(functions.run(R"({"race":[{"call":"never"},{"call":"sleep","args":[0,"first"]}]})") == R"("first")");
    CHECK(was_cancelled);
    CHECK(functions.call("fails", "[1]") == "IndexError: far");
    CHECK(functions.call("nan", "[]").starts_with("OverflowError: "));
    CHECK(functions.run(R"({"to_thread":{"call":"never"}})").starts_with("refused: "));
}

TEST_CASE("binding: a function runs on the lane that it names", "[embedding]") {
    const auto thread_name = [] {
        std::array<char, 16> name{};
        pthread_getname_np(pthread_self(), name.data(), name.size());
        return std::string{name.data()};
    };
    registry own;
    own.add("blocks", thread_name, {.runs = lane::blocking});
    own.add("computes", thread_name);
    own.add("returns", thread_name, {.runs = lane::at_once});
    own_functions functions{std::move(own)};
    CHECK(functions.call("blocks", "[]") == R"("blocking")");
    CHECK(functions.call("computes", "[]") != functions.call("blocks", "[]"));
    CHECK(functions.call("returns", "[]") != functions.call("blocks", "[]"));
}
