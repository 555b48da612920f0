#include "cli/bench/timeline.hpp"

#include <algorithm>

namespace gatherd::cli::bench {

void timeline::double_interval() noexcept {
    interval_ *= 2;
    for (std::size_t i = 0; i < intervals; ++i) {
        counts_[i] = i < intervals / 2 ? counts_[2 * i] + counts_[2 * i + 1] : 0;
    }
}

void timeline::add(std::chrono::nanoseconds at, std::uint64_t count) noexcept {
    while (at >= interval_ * intervals) {
        double_interval();
    }
    counts_[static_cast<std::size_t>(at / interval_)] += count;
}

void timeline::add(const timeline& other) noexcept {
    while (interval_ < other.interval_) {
        double_interval();
    }
    for (std::size_t i = 0; i < intervals; ++i) {
        counts_[static_cast<std::size_t>(i * other.interval_ / interval_)] += other.counts_[i];
    }
}

}  // namespace gatherd::cli::bench
