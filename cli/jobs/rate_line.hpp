/// \file
/// The line of --bar: how much is done, how fast, and when all will be.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

namespace gatherd::cli::jobs {

struct job_counts {
    std::uint64_t started = 0;
    std::uint64_t done = 0;  // the failed ones included
    std::uint64_t failed = 0;
    std::optional<std::uint64_t> total = std::nullopt;  // of all, if that is known
    std::optional<double> part = std::nullopt;          // of the input, from 0 to 1, if that is known
};

/// `[=====>    ] 120/200  2 failed  41.2/s  ETA 0:02`, at most `width` columns. Where the total is unknown, the bar is
/// that of the part; where that is, too, there is none.
[[nodiscard]] std::string rate_line(const job_counts& now, std::chrono::duration<double> elapsed, std::size_t width);

}  // namespace gatherd::cli::jobs
