/// \file
/// A JSON value as Python sees it: its type's name, and the numbers and items that operators take from it.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "api/plan/model/function.hpp"
#include "api/plan/model/python_random.hpp"
#include "gatherd/api/value.hpp"

namespace gatherd::api::functions {

using plan::int128;

/// `type(v).__name__` of what json.loads would give: "NoneType", "bool", "int", "float", "str", "list" or "dict".
[[nodiscard]] inline std::string_view type_name(const value& v) noexcept {
    return plan::python_type(v);
}

/// The type's name between quotes, as Python's messages put it.
[[nodiscard]] std::string quoted_type(const value& v);

/// Whether Python takes it for an int: bool is one.
[[nodiscard]] bool is_int(const value& v) noexcept;

/// Whether it is an int, a bool or a float.
[[nodiscard]] bool is_number(const value& v) noexcept;

/// The integer that an int or a bool is. Precondition: is_int(v).
[[nodiscard]] int128 int_of(const value& v) noexcept;

/// `float(v)`, rounded to nearest, ties to even. Precondition: is_number(v).
[[nodiscard]] double float_of(const value& v) noexcept;

/// `operator.index(v)`. Throws raised{"TypeError"} unless it is an int or a bool.
[[nodiscard]] int128 index_of(const value& v);

/// A computed integer as a value. Throws raised{"OverflowError"} outside [-2^63, 2^64), which the wire cannot carry.
[[nodiscard]] value int_value(int128 n);

/// A computed float as a value. Throws raised{"OverflowError"} if it is infinite or not a number: JSON has neither.
[[nodiscard]] value float_value(double x);

/// Decimal digits, for messages.
[[nodiscard]] std::string decimal(int128 n);

/// What iterating over it yields: a list's items, a str's characters, a dict's keys.
/// Throws raised{"TypeError"} for anything else.
[[nodiscard]] value::array_t items_of(const value& v);

/// How many values, at most, a function makes of arguments that are small themselves.
inline constexpr std::size_t most_values = 10'000'000;

/// Python's sum of numbers: exact while they are ints, plain double addition from left to right after the first float.
/// Throws TypeError, which calls what is no number `term`, and OverflowError.
[[nodiscard]] value sum_of(std::string_view function, std::string_view term, plan::arguments numbers);

/// How many characters a text has, and one of them. Precondition: valid UTF-8.
[[nodiscard]] std::size_t length_of(std::string_view text) noexcept;
[[nodiscard]] std::string_view character_at(std::string_view text, std::size_t place) noexcept;

/// The characters of a text, one for each code point, as UTF-8. Precondition: valid UTF-8.
[[nodiscard]] std::vector<std::string_view> characters_of(std::string_view text);

/// Throws TypeError "unsupported operand type(s) for -: 'str' and 'int'".
[[noreturn]] void raise_unsupported(std::string_view operation, std::string_view left, std::string_view right);

}  // namespace gatherd::api::functions
