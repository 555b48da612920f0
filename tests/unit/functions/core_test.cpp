#include "api/functions/families.hpp"

#include <chrono>
#include <cmath>
#include <cstdint>
#include <limits>

#include <catch2/catch.hpp>

#include "gatherd/executor/errors.hpp"
#include "tests/unit/functions/recording_context.hpp"

using gatherd::api::value;
using gatherd::api::functions::tests::bound;
using gatherd::api::functions::tests::recording_context;
using gatherd::api::functions::tests::standard;
using gatherd::api::plan::raised;
using gatherd::api::plan::sleeping_body;
using namespace std::chrono_literals;

namespace {

std::chrono::nanoseconds delay_of(const value& seconds) {
    const auto& f = *standard().find("sleep");
    return std::get<sleeping_body>(f.body).delay(bound(f, {seconds}));
}

constexpr auto highest = std::numeric_limits<std::uint64_t>::max();
constexpr auto lowest = std::numeric_limits<std::int64_t>::min();

}  // namespace

TEST_CASE("noop: returns null", "[functions]") {
    CHECK(recording_context{}.call("noop").is_null());
}

TEST_CASE("echo: returns what it was given, null without", "[functions]") {
    recording_context program;
    CHECK(program.call("echo").is_null());
    CHECK(program.call("echo", {{{"z", 1}, {"a", {2.0, "x"}}}}).dump() == R"({"z":1,"a":[2.0,"x"]})");
}

TEST_CASE("print: texts are written as they are, with a space between", "[functions]") {
    recording_context program;
    CHECK(program.call("print", {"a", "b c", "\"\n"}).is_null());
    program.call("print");
    program.call("print", {"", ""});
    CHECK(program.output == std::vector<std::string>{"a b c \"\n", "", " "});
}

TEST_CASE("print: other values are compact JSON with Python's numbers", "[functions]") {
    recording_context program;
    program.call("print", {1, 2.5, 100000.0, 1e16, 123456789012345680.0, 0.0001, 0.00001, -0.0, true, nullptr});
    program.call("print", {{{"k", {"é", 1.0}}}, value::array(), value::object(), highest, lowest});
    program.call("print", {{std::string("\x7f\x00\x1f\b\f\n\r\t\"\\/", 11)}});
    CHECK(program.output[0] == "1 2.5 100000.0 1e+16 1.2345678901234568e+17 0.0001 1e-05 -0.0 true null");
    CHECK(program.output[1] == R"({"k":["é",1.0]} [] {} 18446744073709551615 -9223372036854775808)");
    CHECK(program.output[2] == "[\"\x7f\\u0000\\u001f\\b\\f\\n\\r\\t\\\"\\\\/\"]");
}

TEST_CASE("fail: raises the type and message that it is given", "[functions]") {
    recording_context program;
    CHECK(program.raises("fail") == "Exception: ");
    CHECK(program.raises("fail", {"ValueError"}) == "ValueError: ");
    CHECK(program.raises("fail", {"ValueError", "boom"}) == "ValueError: boom");
    CHECK(program.raises("fail", {1}) == "TypeError: fail(): type must be a text, not the number 1");
    CHECK(program.raises("fail", {"ValueError", nullptr}) == "TypeError: fail(): message must be a text, not null");
}

TEST_CASE("fail: CancelledError and TimeoutError are the real ones", "[functions]") {
    recording_context program;
    const auto message_of = [&](const char* type, auto wanted) {
        try {
            program.call("fail", {type, "m"});
        } catch (const decltype(wanted)& e) {
            return e.message();
        }
        return std::string{"nothing"};
    };
    CHECK(message_of("CancelledError", gatherd::executor::cancelled_error{""}) == "m");
    CHECK(message_of("TimeoutError", gatherd::executor::timeout_error{""}) == "m");
}

TEST_CASE("sleep: takes seconds of any kind of number", "[functions]") {
    CHECK(delay_of(2) == 2s);
    CHECK(delay_of(0.25) == 250ms);
    CHECK(delay_of(true) == 1s);
    CHECK(delay_of(false) == 0s);
}

TEST_CASE("sleep: nothing and less are at once, a little more is not", "[functions]") {
    CHECK(delay_of(0) == 0s);
    CHECK(delay_of(-0.0) == 0s);
    CHECK(delay_of(-5) == 0s);
    CHECK(delay_of(lowest) == 0s);
    CHECK(delay_of(-1e300) == 0s);
    CHECK(delay_of(1e-30) == 1ns);
}

TEST_CASE("sleep: no delay is so long that a deadline would overflow", "[functions]") {
    for (const value& endless : {value(1e300), value(highest), value(1e12)}) {
        CHECK(delay_of(endless) > std::chrono::hours{24 * 365 * 199});
        CHECK(delay_of(endless) < std::chrono::hours{24 * 365 * 201});
    }
}

TEST_CASE("sleep: wants a number", "[functions]") {
    CHECK_THROWS_MATCHES(delay_of("soon"), raised,
                         Catch::Predicate<raised>([](const raised& e) { return e.type() == "TypeError"; }));
    CHECK_THROWS_AS(delay_of(nullptr), raised);
    CHECK_THROWS_AS(delay_of(value::array()), raised);
    CHECK_THROWS_AS(delay_of(value::object()), raised);
}

TEST_CASE("sleep: returns its second argument", "[functions]") {
    const auto& f = *standard().find("sleep");
    const auto result = std::get<sleeping_body>(f.body).result;
    CHECK(result(bound(f, {0, "x"})).get<std::string>() == "x");
    CHECK(result(bound(f, {0})).is_null());
    CHECK(f.is_async());
}

TEST_CASE("time.sleep: is a function that blocks, and takes no thread for it", "[functions]") {
    const auto& f = *standard().find("time.sleep");
    CHECK(f.pool == gatherd::api::plan::thread_pool::blocking);
    CHECK_FALSE(f.is_async());
    const auto& body = std::get<sleeping_body>(f.body);
    CHECK(body.delay(bound(f, {0.001})) == 1ms);
    CHECK(body.delay(bound(f, {-0.0})) == 0ns);
    CHECK(body.delay(bound(f, {false})) == 0ns);
    CHECK(body.result(bound(f, {0.001})).is_null());
}

TEST_CASE("time.sleep: refuses what CPython's refuses", "[functions]") {
    const auto refusal = [](value seconds) -> std::string {
        const auto& f = *standard().find("time.sleep");
        try {
            static_cast<void>(std::get<sleeping_body>(f.body).delay(bound(f, {std::move(seconds)})));
        } catch (const gatherd::api::plan::raised& e) {
            return e.type() + ": " + e.message();
        }
        return {};
    };
    const std::string negative = "ValueError: time.sleep(): seconds must not be negative, not the number ";
    const std::string large = "OverflowError: time.sleep(): seconds must be below 2**63 nanoseconds, not the number ";
    CHECK(refusal(-1) == negative + "-1");
    CHECK(refusal(-0.5) == negative + "-0.5");
    CHECK(refusal(-1e-30) == negative + "-1e-30");
    for (const value& endless :
         {value(1e300), value(-1e300), value(9223372037), value(1e11), value(highest), value(lowest)}) {
        CHECK(refusal(endless).starts_with(large));
    }
    const std::string wrong = "TypeError: time.sleep(): seconds must be a number of seconds, not ";
    CHECK(refusal("1") == wrong + "the text '1'");
    CHECK(refusal(nullptr) == wrong + "null");
    CHECK(refusal(value::array({1})) == wrong + "a list");
}

TEST_CASE("add: sums integers exactly, and true is 1", "[functions]") {
    recording_context program;
    CHECK(program.call("add").dump() == "0");
    CHECK(program.call("add", {20, 22}).dump() == "42");
    CHECK(program.call("add", {true, true, false}).dump() == "2");
    CHECK(program.call("add", {highest, -1}).dump() == "18446744073709551614");
    CHECK(program.call("add", {highest, lowest, lowest}).dump() == "-1");
}

TEST_CASE("add: an integer beyond 64 bits is an OverflowError, on the way to the sum it is not", "[functions]") {
    recording_context program;
    CHECK(program.raises("add", {highest, 1}) ==
          "OverflowError: the integer result 18446744073709551616 is outside [-2**63, 2**64)");
    CHECK(program.raises("add", {lowest, -1}) ==
          "OverflowError: the integer result -9223372036854775809 is outside [-2**63, 2**64)");
    CHECK(program.call("add", {highest, 1, -1}).dump() == "18446744073709551615");
    CHECK(program.call("add", {lowest, -1, 1}).dump() == "-9223372036854775808");
}

TEST_CASE("add: floats are added from left to right, as CPython 3.11 does", "[functions]") {
    recording_context program;
    CHECK(program.call("add", {0.1, 0.2, 0.3}).get<double>() == 0.6000000000000001);
    CHECK(program.call("add", {1, true, 2.5}).dump() == "4.5");
    CHECK(program.call("add", {1.5, true}).dump() == "2.5");
    CHECK(program.call("add", {9007199254740993, 2.5}).get<double>() == 9007199254740994.0);
    CHECK(program.call("add", {highest, highest, 0.5}).get<double>() == 3.6893488147419103e+19);
    CHECK_FALSE(std::signbit(program.call("add", {-0.0, -0.0}).get<double>()));
}

TEST_CASE("add: a float beyond all others is an OverflowError", "[functions]") {
    CHECK(recording_context{}.raises("add", {1e308, 1e308, -1e308}).starts_with("OverflowError: "));
}

TEST_CASE("add: takes numbers only", "[functions]") {
    recording_context program;
    const std::string wrong = "TypeError: add(): each of terms must be a number, not ";
    CHECK(program.raises("add", {1, "a"}) == wrong + "the text 'a'");
    CHECK(program.raises("add", {true, nullptr}) == wrong + "null");
    CHECK(program.raises("add", {1.5, {1}}) == wrong + "a list");
    CHECK(program.raises("add", {value::object()}) == wrong + "an object");
}
