/// \file
/// How long things took, by size.
#pragma once

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>

namespace gatherd::api {

/// The upper bounds of the buckets of all such counts. What took longer than the last is in one more bucket.
inline constexpr std::array<std::chrono::nanoseconds, 14> latency_bounds{
    std::chrono::microseconds{10},  std::chrono::microseconds{50}, std::chrono::microseconds{100},
    std::chrono::microseconds{500}, std::chrono::milliseconds{1},  std::chrono::milliseconds{5},
    std::chrono::milliseconds{10},  std::chrono::milliseconds{50}, std::chrono::milliseconds{100},
    std::chrono::milliseconds{500}, std::chrono::seconds{1},       std::chrono::seconds{5},
    std::chrono::seconds{10},       std::chrono::seconds{60}};

/// The bucket in which that time is counted.
[[nodiscard]] inline std::size_t latency_bucket(std::chrono::nanoseconds took) noexcept {
    return static_cast<std::size_t>(std::ranges::lower_bound(latency_bounds, took) - latency_bounds.begin());
}

/// Counts, each in one bucket, and their sum. Threads: one at a time.
struct latency_histogram {
    std::array<std::uint64_t, latency_bounds.size() + 1> counts{};
    std::chrono::nanoseconds sum{0};

    void add(std::chrono::nanoseconds took) noexcept {
        ++counts[latency_bucket(took)];
        sum += took;
    }
};

}  // namespace gatherd::api
