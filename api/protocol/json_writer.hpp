/// \file
/// Values to JSON text, by hand: the hot half of every answer.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "gatherd/api/value.hpp"

namespace gatherd::api::protocol {

// All of these append to `out` and touch nothing else. Texts are compact: no space between tokens.
// Throws: memory_limit_exceeded, std::bad_alloc.

/// Any value. Strings are taken to be UTF-8 and are not checked; a double that is infinite or not a number becomes
/// `null`, since JSON has no word for it.
void append_value(std::string& out, const value& v);

/// A string with its quotes; only `"`, `\` and control characters below U+0020 are escaped.
void append_string(std::string& out, std::string_view text);

/// As Python's repr: the shortest digits that read back the same, always with `.` or an exponent (`100000.0`, `1e+16`,
/// `1e-05`, `-0.0`). Infinity and NaN become `null`.
void append_double(std::string& out, double number);

void append_integer(std::string& out, std::int64_t number);
void append_unsigned(std::string& out, std::uint64_t number);

}  // namespace gatherd::api::protocol
