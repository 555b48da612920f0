/// \file
/// The bodies of the functions that plans are tried out with.
#include "api/functions/families.hpp"

#include <chrono>
#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <thread>

#include "api/functions/argument.hpp"
#include "api/functions/python_value.hpp"
#include "api/plan/model/function.hpp"
#include "api/protocol/json_writer.hpp"
#include "gatherd/executor/errors.hpp"

namespace gatherd::api::functions {

namespace {

using plan::arguments;
using plan::call_context;
using plan::raised;
using std::chrono::nanoseconds;

constexpr double nanoseconds_in_a_second = 1e9;

value noop(call_context&, arguments) {
    return nullptr;
}

value echo(call_context&, arguments given) {
    return given[0];
}

value print(call_context& context, arguments given) {
    std::string line;
    const char* separator = "";
    for (const value& one : given) {
        line += separator;
        separator = " ";
        if (one.is_string()) {
            line += one.get_ref<const std::string&>();
        } else {
            protocol::append_value(line, one);
        }
    }
    context.print(std::move(line));
    return nullptr;
}

value fail(call_context&, arguments given) {
    const auto& type = argument{"fail", "type", given[0]}.text();
    const auto& message = argument{"fail", "message", given[1]}.text();
    if (type == "CancelledError") {
        throw executor::cancelled_error{message};
    }
    if (type == "TimeoutError") {
        throw executor::timeout_error{message};
    }
    throw raised{type, message};
}

/// asyncio.sleep's delay. What is longer than two centuries is two centuries: no clock can tell the difference,
/// and a deadline reckoned from it cannot overflow.
nanoseconds sleep_delay(arguments given) {
    constexpr double longest = 200.0 * 365.25 * 86400.0;
    if (!is_number(given[0])) {
        argument{"sleep", "delay", given[0]}.refuse_type("a number of seconds");
    }
    const double seconds = float_of(given[0]);
    if (!(seconds > 0.0)) {
        return nanoseconds{0};
    }
    // Rounded up: a delay above 0 stays one, and never ends early.
    return nanoseconds{static_cast<std::int64_t>(std::ceil(std::fmin(seconds, longest) * nanoseconds_in_a_second))};
}

value sleep_result(arguments given) {
    return given[1];
}

/// time.sleep's argument in nanoseconds, rounded away from zero, as _PyTime_FromSecondsObject.
nanoseconds blocking_delay(const value& given) {
    const raised too_large{"OverflowError",
                           "time.sleep(): seconds must be below 2**63 nanoseconds, not " + shown(given)};
    if (!is_number(given)) {
        argument{"time.sleep", "seconds", given}.refuse_type("a number of seconds");
    }
    if (!given.is_number_float()) {
        const int128 exact = index_of(given) * 1'000'000'000;
        if (exact < std::numeric_limits<std::int64_t>::min() || exact > std::numeric_limits<std::int64_t>::max()) {
            throw too_large;
        }
        return nanoseconds{static_cast<std::int64_t>(exact)};
    }
    const double scaled = float_of(given) * nanoseconds_in_a_second;
    const double rounded = scaled < 0.0 ? std::floor(scaled) : std::ceil(scaled);
    constexpr double limit = 9223372036854775808.0;  // 2^63
    if (!(rounded >= -limit && rounded < limit)) {
        throw too_large;
    }
    return nanoseconds{static_cast<std::int64_t>(rounded)};
}

nanoseconds time_sleep_delay(arguments given) {
    const nanoseconds length = blocking_delay(given[0]);
    if (length < nanoseconds{0}) {
        throw raised{"ValueError", "time.sleep(): seconds must not be negative, not " + shown(given[0])};
    }
    return length;
}

value time_sleep_result(arguments) {
    return nullptr;
}

template <typename Clock>
value time_now(call_context&, arguments) {
    return std::chrono::duration<double>{Clock::now().time_since_epoch()}.count();
}

value add(call_context&, arguments given) {
    return sum_of("add", "each of terms", given);
}

}  // namespace

void add_core(plan::registry& functions) {
    using plan::parameter;
    using plan::thread_pool;
    functions.add({.name = "noop",
                   .summary = "Does nothing, and returns null.",
                   .parameters = {},
                   .body = noop,
                   .example = {R"({"call": "noop"})", "null"}});
    functions.add({.name = "echo",
                   .summary = "Returns its argument.",
                   .parameters = {parameter{
                       .name = "value", .default_value = value(nullptr), .type = "any", .help = "what to return"}},
                   .body = echo,
                   .example = {R"({"call": "echo", "args": [[1, 2]]})", "[1, 2]"}});
    functions.add({.name = "print",
                   .summary = "Writes a line of output: texts as they are, other values as JSON, a space between.",
                   .parameters = {parameter{
                       .name = "values", .variadic = true, .type = "any", .help = "what to write, in this order"}},
                   .body = print,
                   .prints = true,
                   .example = {R"({"call": "print", "args": ["done:", 3]})", "null"}});
    functions.add(
        {.name = "fail",
         .summary = "Raises an exception of the given type.",
         .parameters = {parameter{.name = "type",
                                  .default_value = value("Exception"),
                                  .type = "text",
                                  .help = "any name; CancelledError and TimeoutError are the real ones"},
                        parameter{
                            .name = "message", .default_value = value(""), .type = "text", .help = "its message"}},
         .body = fail,
         .errors = {"TypeError"},
         .example = {R"({"try": {"call": "fail", "args": ["ValueError", "boom"]}, "except": {"value": "caught"}})",
                     R"("caught")"}});
    functions.add(
        {.name = "sleep",
         .summary = "Waits some seconds while other tasks run, then returns its second argument.",
         .parameters = {parameter{.name = "delay", .type = "number", .unit = "seconds", .help = "how long to wait"},
                        parameter{.name = "result",
                                  .default_value = value(nullptr),
                                  .type = "any",
                                  .help = "what to return afterwards"}},
         .body = plan::sleeping_body{.delay = sleep_delay, .result = sleep_result},
         .errors = {"TypeError"},
         .example = {R"({"call": "sleep", "args": [0.01, "awake"]})", R"("awake")"}});
    functions.add({.name = "time.sleep",
                   .summary = "Holds its task up for some seconds, and nothing else.",
                   .parameters = {parameter{
                       .name = "seconds", .type = "number", .unit = "seconds", .help = "how long to hold it up"}},
                   .pool = thread_pool::blocking,
                   .body = plan::sleeping_body{.delay = time_sleep_delay, .result = time_sleep_result},
                   .errors = {"TypeError", "ValueError", "OverflowError"},
                   .example = {R"({"call": "time.sleep", "args": [0.01]})", "null"}});
    functions.add({.name = "time.time",
                   .summary = "The seconds since 1970, in UTC, without leap seconds.",
                   .parameters = {},
                   .body = time_now<std::chrono::system_clock>,
                   .example = {R"({"call": "time.time"})", ""}});
    functions.add({.name = "time.monotonic",
                   .summary = "The seconds of a clock that is never set back, from a time that means nothing.",
                   .parameters = {},
                   .body = time_now<std::chrono::steady_clock>,
                   .example = {R"({"call": "time.monotonic"})", ""}});
    functions.add({.name = "add",
                   .summary = "Adds numbers up.",
                   .parameters = {parameter{.name = "terms", .variadic = true, .type = "number", .help = "the terms"}},
                   .body = add,
                   .errors = {"TypeError", "OverflowError"},
                   .example = {R"({"call": "add", "args": [1, 2, 3]})", "6"}});
}

}  // namespace gatherd::api::functions
