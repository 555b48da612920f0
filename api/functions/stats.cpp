/// \file
/// What Python's module `statistics` says of many numbers.
#include "api/functions/families.hpp"

#include <oneapi/tbb/blocked_range.h>
#include <oneapi/tbb/parallel_reduce.h>
#include <oneapi/tbb/parallel_sort.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <compare>
#include <cstddef>
#include <limits>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "api/functions/abandoned.hpp"
#include "api/functions/argument.hpp"
#include "api/functions/python_value.hpp"
#include "api/plan/model/function.hpp"

namespace gatherd::api::functions {

namespace {

using plan::arguments;
using plan::raised;

constexpr char describe_name[] = "stats.describe";
constexpr std::size_t brief_numbers = 1024;
constexpr std::size_t numbers_at_a_time = 8192;  // some 10 us

/// Holds each integer of 64 bits, so that numbers are compared as Python compares them; and the square of each double.
using wide = long double;
static_assert(std::numeric_limits<wide>::digits >= 64 && std::numeric_limits<wide>::max_exponent > 2 * 1024);

struct sample {
    wide is;
    bool is_whole;  // an int, not a float

    friend auto operator<=>(const sample&, const sample&) = default;

    [[nodiscard]] value as_value() const {
        return is_whole ? int_value(static_cast<int128>(is)) : float_value(static_cast<double>(is));
    }
};

sample sample_from(const value& v) {
    if (is_int(v)) {
        const int128 n = int_of(v);
        return {static_cast<wide>(n), true};
    }
    return {float_of(v), false};
}

/// A sum, and what was lost of it by rounding (Neumaier).
struct exact_sum {
    wide rounded = 0;
    wide lost = 0;

    void add(wide term) {
        const wide next = rounded + term;
        lost += std::fabs(rounded) >= std::fabs(term) ? (rounded - next) + term : (term - next) + rounded;
        rounded = next;
    }
    [[nodiscard]] wide total() const { return rounded + lost; }
};

/// The sum of `term(x)`, in parallel; the same on however many cores.
template <typename Term>
wide sum_of(const std::vector<sample>& numbers, const Term& term) {
    using range = oneapi::tbb::blocked_range<std::size_t>;
    const auto add_part = [&](const range& part, exact_sum sum) {
        for (std::size_t i = part.begin(); i != part.end(); ++i) {
            sum.add(term(numbers[i].is));
        }
        return sum;
    };
    if (numbers.size() <= numbers_at_a_time) {
        return add_part({0, numbers.size()}, {}).total();
    }
    return oneapi::tbb::parallel_deterministic_reduce(range{0, numbers.size(), numbers_at_a_time}, exact_sum{},
                                                      add_part,
                                                      [](exact_sum left, const exact_sum& right) {
                                                          left.add(right.rounded);
                                                          left.lost += right.lost;
                                                          return left;
                                                      })
        .total();
}

/// The i-th of `statistics.quantiles(numbers, n=4, method="inclusive")`, from 1 on.
double quartile(const std::vector<sample>& sorted, std::size_t i) {
    constexpr int parts = 4;
    const std::size_t at = i * (sorted.size() - 1) / parts;
    const auto share = static_cast<int>(i * (sorted.size() - 1) % parts);
    const sample& low = sorted[at];
    const sample& high = share == 0 ? low : sorted[at + 1];
    if (low.is_whole && high.is_whole) {
        const int128 sum = static_cast<int128>(low.is) * (parts - share) + static_cast<int128>(high.is) * share;
        return static_cast<double>(sum) / parts;
    }
    const double rounded =  // as Python rounds it
        (static_cast<double>(low.is) * (parts - share) + static_cast<double>(high.is) * share) / parts;
    return std::isfinite(rounded) ? rounded : static_cast<double>((low.is * (parts - share) + high.is * share) / parts);
}

std::vector<sample> numbers_from(const argument& given) {
    if (!given.given.is_array()) {
        given.refuse_type("a list of numbers");
    }
    if (given.given.empty()) {
        throw raised{"ValueError", std::string{describe_name} + "(): numbers must be at least one"};
    }
    std::vector<sample> numbers;
    numbers.reserve(given.given.size());
    for (const value& each : given.given) {
        if (!is_number(each)) {
            const std::string item = "item " + std::to_string(numbers.size()) + " of numbers";
            argument{describe_name, item, each}.refuse_type("a number");
        }
        numbers.push_back(sample_from(each));
    }
    return numbers;
}

value describe(plan::call_context&, arguments given) {
    std::vector<sample> numbers = numbers_from({describe_name, "numbers", given[0]});
    throw_if_abandoned();
    if (numbers.size() <= numbers_at_a_time) {
        std::ranges::sort(numbers);
    } else {
        oneapi::tbb::parallel_sort(numbers);
    }
    throw_if_abandoned();
    const auto count = static_cast<wide>(numbers.size());
    const wide mean = sum_of(numbers, [](wide x) { return x; }) / count;
    value deviation;
    if (numbers.size() > 1) {
        // Around whatever is near to the mean: the second sum makes good that the mean was rounded.
        const wide away = sum_of(numbers, [mean](wide x) { return x - mean; });
        const wide squares = sum_of(numbers, [mean](wide x) { return (x - mean) * (x - mean); }) - away * away / count;
        deviation = float_value(static_cast<double>(std::sqrt(squares / (count - 1))));
    }
    throw_if_abandoned();
    return {{"count", numbers.size()},
            {"mean", float_value(static_cast<double>(mean))},
            {"stdev", std::move(deviation)},
            {"min", numbers.front().as_value()},
            {"quartiles",
             {float_value(quartile(numbers, 1)), float_value(quartile(numbers, 2)), float_value(quartile(numbers, 3))}},
            {"max", numbers.back().as_value()}};
}

bool is_brief_to_describe(arguments given) {
    return !given[0].is_array() || given[0].size() <= brief_numbers;
}

}  // namespace

void add_stats(plan::registry& functions) {
    functions.add(
        {.name = describe_name,
         .summary = "Count, mean, standard deviation of a sample (null for one), minimum, quartiles (inclusive) and "
                    "maximum of numbers.",
         .parameters = {{.name = "numbers", .type = "list of numbers", .help = "at least one"}},
         .pool = plan::thread_pool::compute,
         .body = describe,
         .is_brief = is_brief_to_describe,
         .errors = {"TypeError", "ValueError", "OverflowError"},
         .example = {
             R"({"call": "stats.describe", "args": [[1, 2, 3, 4, 10]]})",
             R"({"count": 5, "mean": 4.0, "stdev": 3.5355339059327378, "min": 1, "quartiles": [2.0, 3.0, 4.0], "max": 10})"}});
}

}  // namespace gatherd::api::functions
