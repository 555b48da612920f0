/// \file
/// Which functions a load test calls, and how often each: the option --mix.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gatherd::cli::bench {

/// One function with its arguments and its share of all calls.
struct mixed_call {
    std::string function;
    std::string args;  // a JSON array, as it was written
    std::uint64_t weight = 1;
    /// What it must give, as the daemon writes it; nothing where only the daemon knows.
    std::optional<std::string> result = std::nullopt;
};

/// Reads "noop", "add[1,2]=3,echo[\"x\"]": functions with commas between, each with its arguments in brackets if it
/// takes any, and its weight if that is not 1. Throws usage_error.
[[nodiscard]] std::vector<mixed_call> parse_mix(std::string_view text);

}  // namespace gatherd::cli::bench
