/// \file
/// Times and sizes as people write them: "250ms", "1.5s", "2m", "1h"; "512", "64KiB", "1MB". Exact: no floating point.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace gatherd::config {

/// A time: a number and one of ms, s, m, h, d, or several of these, the largest unit first ("1m30s"); one number
/// without a unit is in seconds. Nothing where the text is no such thing, is negative, or is no whole number of
/// milliseconds.
[[nodiscard]] std::optional<std::chrono::milliseconds> parse_duration(std::string_view text);

/// A size: a number and one of B, kB, KB, MB, GB, TB (powers of 1000), KiB, MiB, GiB, TiB or K, M, G, T (powers
/// of 1024); without a unit, bytes. Nothing where the text is no such thing, is negative, or is no whole number of
/// bytes.
[[nodiscard]] std::optional<std::uint64_t> parse_bytes(std::string_view text);

/// Regular expressions (ECMA 262) for a schema: they match all texts that are such a size or time from `least` to
/// `most`, and refuse zero where it is too little, and numbers with more digits than `most` has in their unit. Not
/// exact: what the readers refuse may match.
[[nodiscard]] std::string bytes_pattern(std::uint64_t least, std::uint64_t most);
[[nodiscard]] std::string duration_pattern(std::chrono::milliseconds least, std::chrono::milliseconds most);

/// The shortest text that parse_duration reads back: "5m", "90s", "250ms".
[[nodiscard]] std::string duration_text(std::chrono::milliseconds time);

/// The shortest text that parse_bytes reads back: "64KiB", "1MB", "513".
[[nodiscard]] std::string bytes_text(std::uint64_t bytes);

}  // namespace gatherd::config
