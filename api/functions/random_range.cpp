/// \file
/// The ranges of random.randrange and random.randint, in 128 bits.
#include "api/functions/random_range.hpp"

#include <cmath>
#include <string>
#include <string_view>

#include "api/functions/python_value.hpp"
#include "api/plan/model/function.hpp"

namespace gatherd::api::functions {

namespace {

using plan::python_random;
using plan::raised;
using plan::uint128;

/// Sums and differences of what is below it fit in 128 bits with room to spare.
constexpr double float_limit = 0x1p120;

int128 int_of_float(double x, std::string_view argument) {
    if (std::trunc(x) != x) {
        throw raised{"ValueError", "non-integer " + std::string{argument} + " for randrange()"};
    }
    if (std::fabs(x) >= float_limit) {
        throw raised{"OverflowError", std::string{argument} + " of randrange() is too large"};
    }
    return static_cast<int128>(x);
}

/// `operator.index`, else what CPython 3.11 still takes for one: `int(v)`, where that equals v.
int128 range_argument(const value& v, std::string_view argument) {
    if (is_int(v)) {
        return int_of(v);
    }
    if (v.is_number_float()) {
        return int_of_float(float_of(v), argument);
    }
    if (v.is_string()) {  // int("12") is a number, but not equal to "12"
        throw raised{"ValueError", "non-integer " + std::string{argument} + " for randrange()"};
    }
    throw raised{"TypeError",
                 "int() argument must be a string, a bytes-like object or a real number, not " + quoted_type(v)};
}

/// `a // b`, which rounds towards minus infinity.
int128 floor_divide(int128 a, int128 b) noexcept {
    const int128 quotient = a / b;
    return a % b != 0 && (a < 0) != (b < 0) ? quotient - 1 : quotient;
}

[[noreturn]] void raise_empty() {
    throw raised{"ValueError", "empty range for randrange()"};
}

value draw(python_random& random, int128 start, int128 stop, int128 step) {
    const int128 width = stop - start;
    if (step == 0) {
        throw raised{"ValueError", "zero step for randrange()"};
    }
    if (step == 1) {
        if (width <= 0) {
            throw raised{"ValueError", "empty range for randrange() (" + decimal(start) + ", " + decimal(stop) + ", " +
                                           decimal(width) + ")"};
        }
        return int_value(start + static_cast<int128>(random.below(static_cast<uint128>(width))));
    }
    const int128 count = floor_divide(width + step + (step > 0 ? -1 : 1), step);
    if (count <= 0) {
        raise_empty();
    }
    // step * drawn stays within width, so it cannot overflow either.
    return int_value(start + step * static_cast<int128>(random.below(static_cast<uint128>(count))));
}

value draw_below(python_random& random, int128 stop) {
    if (stop <= 0) {
        raise_empty();
    }
    return int_value(static_cast<int128>(random.below(static_cast<uint128>(stop))));
}

}  // namespace

value randrange(python_random& random, plan::arguments given) {
    if (given.empty() || given.size() > 3) {
        throw raised{"TypeError", "randrange() takes from 1 to 3 arguments, not " + std::to_string(given.size())};
    }
    const int128 first = range_argument(given[0], "arg 1");
    if (given.size() == 1 || given[1].is_null()) {
        const bool has_step = given.size() == 3 && !(given[2].is_number_integer() && int_of(given[2]) == 1);
        if (has_step) {
            throw raised{"TypeError", "Missing a non-None stop argument"};
        }
        return draw_below(random, first);
    }
    const int128 stop = range_argument(given[1], "stop");
    const int128 step = given.size() == 3 ? range_argument(given[2], "step") : int128{1};
    return draw(random, first, stop, step);
}

value randint(python_random& random, const value& low, const value& high) {
    // high + 1 comes first, in the arithmetic of high's type: so 2^53 + 1 as a float is 2^53 again.
    if (high.is_string() || high.is_array()) {
        const std::string type{type_name(high)};
        throw raised{"TypeError", "can only concatenate " + type + " (not \"int\") to " + type};
    }
    if (!is_number(high)) {
        raise_unsupported("+", type_name(high), "int");
    }
    const int128 first = range_argument(low, "arg 1");
    const int128 stop = is_int(high) ? int_of(high) + 1 : int_of_float(float_of(high) + 1.0, "stop");
    return draw(random, first, stop, 1);
}

}  // namespace gatherd::api::functions
