/// \file
/// Counts over time in a fixed number of equal intervals, which double as often as the time that passes asks for.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>

namespace gatherd::cli::bench {

/// Threads: one at a time. It is plain memory, so that processes may share one.
class timeline {
public:
    static constexpr std::size_t intervals = 256;

    /// Counts so many at a time since the start, which is not negative.
    void add(std::chrono::nanoseconds at, std::uint64_t count) noexcept;

    void add(const timeline& other) noexcept;

    [[nodiscard]] std::chrono::nanoseconds interval() const noexcept { return interval_; }
    [[nodiscard]] const std::array<std::uint64_t, intervals>& counts() const noexcept { return counts_; }

private:
    void double_interval() noexcept;

    std::chrono::nanoseconds interval_ = std::chrono::milliseconds{10};
    std::array<std::uint64_t, intervals> counts_{};
};

}  // namespace gatherd::cli::bench
