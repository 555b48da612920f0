#include "cli/bench/histogram.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <functional>

namespace gatherd::cli::bench {

// Below 2^(bits + 1) each nanosecond has a bucket; above, the first bits + 1 bits of a time choose it.
std::size_t histogram::bucket_of(std::uint64_t nanoseconds) noexcept {
    const auto width = static_cast<unsigned>(std::bit_width(nanoseconds));
    const unsigned shift = width > bits + 1 ? width - (bits + 1) : 0;
    return (std::size_t{shift} << bits) + static_cast<std::size_t>(nanoseconds >> shift);
}

std::uint64_t histogram::end_of(std::size_t bucket) noexcept {
    constexpr std::size_t doubling = std::size_t{1} << bits;
    const std::size_t shift = bucket < 2 * doubling ? 0 : bucket / doubling - 1;
    return ((std::uint64_t{bucket - shift * doubling} + 1) << shift) - 1;
}

void histogram::record(time took) noexcept {
    const auto exact = static_cast<std::uint64_t>(std::max<time::rep>(took.count(), 0));
    ++counts_[bucket_of(std::min(exact, most - 1))];
    ++count_;
    sum_ += static_cast<double>(exact);
    max_ = std::max(max_, took);
}

void histogram::add(const histogram& other) noexcept {
    std::ranges::transform(counts_, other.counts_, counts_.begin(), std::plus{});
    count_ += other.count_;
    sum_ += other.sum_;
    max_ = std::max(max_, other.max_);
}

histogram::time histogram::quantile(double part) const noexcept {
    const auto wanted = std::max(1.0, std::ceil(part * static_cast<double>(count_)));
    std::uint64_t seen = 0;
    for (std::size_t i = 0; i < counts_.size(); ++i) {
        seen += counts_[i];
        if (static_cast<double>(seen) >= wanted) {
            // The last bucket holds what is beyond it, too.
            return i + 1 == counts_.size() ? max_ : std::min(max_, time{static_cast<time::rep>(end_of(i))});
        }
    }
    return max_;
}

}  // namespace gatherd::cli::bench
