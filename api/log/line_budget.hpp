/// \file
/// How often a thing that repeats may be logged.
#pragma once

#include <chrono>
#include <cstdint>
#include <mutex>
#include <optional>

namespace gatherd::api::log {

/// Lets `most` lines through at once, then so many a second; the others are counted.
///
/// Threads: all members are safe from any thread.
class line_budget {
public:
    using clock = std::chrono::steady_clock;

    line_budget(double most, double each_second) noexcept : most_{most}, each_second_{each_second}, left_{most} {}

    /// Whether one more may be logged: then how many were left out before it.
    [[nodiscard]] std::optional<std::uint64_t> pass(clock::time_point now = clock::now());

private:
    const double most_;
    const double each_second_;
    std::mutex lock_;
    double left_;  // under lock_, as all below
    std::optional<clock::time_point> last_{};
    std::uint64_t left_out_ = 0;
};

}  // namespace gatherd::api::log
