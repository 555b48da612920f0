/// \file
/// Python's rules for the arguments of random.*, around the draws of plan::python_random.
#include "api/functions/families.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "api/functions/python_value.hpp"
#include "api/functions/random_range.hpp"
#include "api/plan/model/function.hpp"
#include "api/plan/model/python_random.hpp"

namespace gatherd::api::functions {

namespace {

using plan::arguments;
using plan::call_context;
using plan::python_random;
using plan::raised;
using plan::uint128;

/// What random.choices may make of a small request: its result holds copies, as many as the client likes to ask for.
constexpr std::size_t most_bytes_of_choices = 64 * 1024 * 1024;

/// A getrandbits beyond it fails without drawing: its result could only be 64 bits long by a miracle.
constexpr int most_bits_drawn = 4096;

value random_random(call_context& context, arguments) {
    return context.random().random();
}

value random_uniform(call_context& context, arguments given) {
    const value& low = given[0];
    const value& high = given[1];
    if (!is_number(low) || !is_number(high)) {
        raise_unsupported("-", type_name(high), type_name(low));
    }
    const bool exact = is_int(low) && is_int(high);  // then the difference is rounded once, as Python's int is
    const double width = exact ? static_cast<double>(int_of(high) - int_of(low)) : float_of(high) - float_of(low);
    return float_value(float_of(low) + width * context.random().random());
}

value random_randint(call_context& context, arguments given) {
    return randint(context.random(), given[0], given[1]);
}

value random_randrange(call_context& context, arguments given) {
    return randrange(context.random(), given);
}

value random_getrandbits(call_context& context, arguments given) {
    const int128 count = index_of(given[0]);
    if (count < std::numeric_limits<int>::min() || count > std::numeric_limits<int>::max()) {
        throw raised{"OverflowError", "Python int too large to convert to C int"};
    }
    if (count < 0) {
        throw raised{"ValueError", "number of bits must be non-negative"};
    }
    if (count <= most_bits_drawn) {
        const std::optional<uint128> drawn = context.random().bits_if_they_fit(static_cast<unsigned>(count));
        if (drawn && *drawn <= std::numeric_limits<std::uint64_t>::max()) {
            return int_value(static_cast<int128>(*drawn));
        }
    }
    throw raised{"OverflowError", "the " + decimal(count) + " random bits do not fit in 64"};
}

/// A Python sequence: what can be asked for its length and for the item at an index.
class sequence {
public:
    /// Refers to `v`, which must outlive it. Throws TypeError if that has no len().
    explicit sequence(const value& v) : source_{v} {
        if (v.is_string()) {
            characters_ = characters_of(v.get_ref<const std::string&>());
        } else if (!v.is_structured()) {
            throw raised{"TypeError", "object of type " + quoted_type(v) + " has no len()"};
        }
    }

    [[nodiscard]] std::size_t size() const noexcept {
        return source_.is_string() ? characters_.size() : source_.size();
    }

    /// Throws IndexError beyond the end, and KeyError of a dict: its keys are texts, never numbers.
    [[nodiscard]] value operator[](std::size_t index) const {
        if (source_.is_object()) {
            throw raised{"KeyError", std::to_string(index)};
        }
        if (index >= size()) {
            throw raised{"IndexError", std::string{source_.is_string() ? "string" : "list"} + " index out of range"};
        }
        return source_.is_string() ? value(std::string{characters_[index]}) : source_[index];
    }

private:
    const value& source_;
    std::vector<std::string_view> characters_;
};

/// About the memory that a copy of it takes.
std::size_t footprint(const value& v) {
    std::size_t bytes = sizeof(value);
    if (v.is_string()) {
        bytes += v.get_ref<const std::string&>().size();
    } else if (v.is_object()) {
        for (const auto& [key, item] : v.items()) {
            bytes += key.size() + footprint(item);
        }
    } else if (v.is_array()) {
        for (const value& item : v) {
            bytes += footprint(item);
        }
    }
    return bytes;
}

value random_choice(call_context& context, arguments given) {
    const sequence choices{given[0]};
    if (choices.size() == 0) {
        throw raised{"IndexError", "Cannot choose from an empty sequence"};
    }
    return choices[context.random().index(choices.size())];
}

value random_choices(call_context& context, arguments given) {
    const sequence population{given[0]};
    const int128 count = index_of(given[1]);
    if (count > std::numeric_limits<std::int64_t>::max()) {
        throw raised{"OverflowError", "Python int too large to convert to C ssize_t"};
    }
    const auto size = static_cast<double>(population.size());
    python_random& random = context.random();
    value::array_t chosen;
    if (count > 0) {
        chosen.reserve(static_cast<std::size_t>(std::min<int128>(count, most_bytes_of_choices / sizeof(value))));
    }
    std::size_t bytes = 0;
    for (int128 i = 0; i < count; ++i) {
        const double place = std::floor(random.random() * size);
        chosen.push_back(population[static_cast<std::size_t>(place)]);
        bytes += footprint(chosen.back());
        if (bytes > most_bytes_of_choices) {
            throw raised{"MemoryError", "choices() would make more than 64 MiB"};
        }
    }
    return value(std::move(chosen));
}

value random_sample(call_context& context, arguments given) {
    const value& count = given[1];
    if (!given[0].is_array() && !given[0].is_string()) {
        throw raised{"TypeError", "Population must be a sequence.  For dicts or sets, use sorted(d)."};
    }
    const sequence population{given[0]};
    if (!is_number(count)) {
        throw raised{"TypeError", "'<=' not supported between instances of 'int' and " + quoted_type(count)};
    }
    if (!(float_of(count) >= 0.0 && float_of(count) <= static_cast<double>(population.size()))) {
        throw raised{"ValueError", "Sample larger than population or is negative"};
    }
    if (!is_int(count)) {
        throw raised{"TypeError", "can't multiply sequence by non-int of type 'float'"};
    }
    value chosen = value::array();
    for (const std::size_t index :
         context.random().sample(population.size(), static_cast<std::size_t>(int_of(count)))) {
        chosen.push_back(population[index]);
    }
    return chosen;
}

value random_shuffle(call_context& context, arguments given) {
    value::array_t items = items_of(given[0]);
    context.random().shuffle(std::span{items});
    return value(std::move(items));
}

value random_gauss(call_context& context, arguments given) {
    const value& mu = given[0];
    const value& sigma = given[1];
    const double z = context.random().standard_gauss();  // drawn before Python meets a wrong type
    if (sigma.is_string() || sigma.is_array()) {
        throw raised{"TypeError", "can't multiply sequence by non-int of type 'float'"};
    }
    if (!is_number(sigma)) {
        raise_unsupported("*", "float", type_name(sigma));
    }
    if (mu.is_string() || mu.is_array()) {
        const std::string type{type_name(mu)};
        throw raised{"TypeError", "can only concatenate " + type + " (not \"float\") to " + type};
    }
    if (!is_number(mu)) {
        raise_unsupported("+", type_name(mu), "float");
    }
    return float_value(float_of(mu) + z * float_of(sigma));
}

value random_expovariate(call_context& context, arguments given) {
    const double drawn = context.random().standard_exponential();
    if (!is_number(given[0])) {
        raise_unsupported("/", "float", type_name(given[0]));
    }
    const double rate = float_of(given[0]);
    if (rate == 0.0) {
        throw raised{"ZeroDivisionError", "float division by zero"};
    }
    return float_value(drawn / rate);
}

/// So many choices take some microseconds. No other function of these can take more than in line with the message that
/// asks for it.
bool are_few_choices(arguments given) {
    constexpr double few = 256;
    return !is_number(given[1]) || float_of(given[1]) <= few;
}

/// What the draws of a program with the seed 1 give is CPython's.
plan::function drawing(std::string name, std::string summary, std::vector<plan::parameter> parameters,
                       plan::plain_body body, std::vector<std::string> errors, const std::string& example_args,
                       std::string example_result) {
    name = "random." + name;
    std::string example = R"({"call": ")" + name + R"(", "args": )" + example_args + "}";
    return {.name = std::move(name),
            .summary = std::move(summary),
            .parameters = std::move(parameters),
            .pool = plan::thread_pool::none,
            .body = body,
            .draws = true,
            .errors = std::move(errors),
            .example = {std::move(example), std::move(example_result), 1}};
}

plan::parameter number(std::string name, std::string help) {
    return {.name = std::move(name), .type = "number", .help = std::move(help)};
}

plan::parameter number(std::string name, double standard, std::string help) {
    return {.name = std::move(name), .default_value = value(standard), .type = "number", .help = std::move(help)};
}

plan::parameter integer(std::string name, std::string help) {
    return {.name = std::move(name), .type = "integer", .help = std::move(help)};
}

plan::parameter sequence_of(std::string name, std::string help) {
    return {.name = std::move(name), .type = "list or text", .help = std::move(help)};
}

void add_numbers(plan::registry& functions) {
    functions.add(drawing("random", "A float in [0, 1).", {}, random_random, {}, "[]", "0.13436424411240122"));
    functions.add(drawing("uniform", "A float between a and b.",
                          {number("a", "one bound"), number("b", "the other bound")}, random_uniform, {"TypeError"},
                          "[5, 10]", "5.671821220562006"));
    functions.add(drawing("randint", "An integer from a to b, both included.",
                          {integer("a", "the lower bound"), integer("b", "the upper bound")}, random_randint,
                          {"TypeError", "ValueError"}, "[1, 6]", "2"));
    functions.add(drawing("randrange", "An integer of range(stop) or range(start, stop, step).",
                          {{.name = "a", .variadic = true, .type = "integer", .help = "stop, or start, stop and step"}},
                          random_randrange, {"TypeError", "ValueError"}, "[0, 100, 5]", "20"));
    functions.add(drawing("getrandbits", "A non-negative integer of k random bits.",
                          {integer("k", "how many bits, 64 at most")}, random_getrandbits,
                          {"TypeError", "ValueError", "OverflowError"}, "[16]", "8805"));
    functions.add(drawing("gauss", "A float of the normal distribution with that mean and standard deviation.",
                          {number("mu", 0.0, "the mean"), number("sigma", 1.0, "the standard deviation")}, random_gauss,
                          {"TypeError", "OverflowError"}, "[0, 1]", "1.2881847531554629"));
    functions.add(drawing("expovariate", "A float of the exponential distribution with that rate.",
                          {number("lambd", 1.0, "the rate: 1 divided by the mean")}, random_expovariate,
                          {"TypeError", "ZeroDivisionError", "OverflowError"}, "[2]", "0.0721455320547546"));
}

void add_sequences(plan::registry& functions) {
    functions.add(drawing("choice", "One item of a list, or character of a text.",
                          {sequence_of("seq", "what to choose from")}, random_choice, {"TypeError", "IndexError"},
                          R"([["a", "b", "c"]])", R"("a")"));
    plan::function choices =
        drawing("choices", "A list of k items of the population, each of which may come again.",
                {sequence_of("population", "what to choose from"),
                 {.name = "k", .default_value = value(1), .type = "integer", .help = "how many"}},
                random_choices, {"TypeError", "IndexError", "MemoryError"}, R"([["a", "b"], 3])", R"(["a", "b", "b"])");
    choices.pool = plan::thread_pool::compute;
    choices.is_brief = are_few_choices;
    functions.add(std::move(choices));
    functions.add(drawing("sample", "A list of k items of the population, none of which comes again.",
                          {sequence_of("population", "what to choose from"), integer("k", "how many")}, random_sample,
                          {"TypeError", "ValueError"}, "[[1, 2, 3, 4], 2]", "[2, 3]"));
    functions.add(drawing("shuffle", "The items in random order, as a new list.",
                          {{.name = "seq", .type = "list, text or object", .help = "the items; keys of an object"}},
                          random_shuffle, {"TypeError"}, "[[1, 2, 3]]", "[2, 3, 1]"));
}

}  // namespace

void add_random(plan::registry& functions) {
    add_numbers(functions);
    add_sequences(functions);
}

}  // namespace gatherd::api::functions
