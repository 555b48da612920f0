#include "cli/bench/schedule.hpp"

#include <cmath>

namespace gatherd::cli::bench {

schedule::schedule(double requests_a_second, std::chrono::nanoseconds ramp) noexcept
    : rate_{requests_a_second / 1e9}, ramp_{static_cast<double>(ramp.count())} {}

// During the ramp the rate at time t is rate * t / ramp, so rate * t * t / (2 * ramp) requests were due by then.
std::chrono::nanoseconds schedule::due(std::uint64_t number) const noexcept {
    const auto before = static_cast<double>(number);
    const double in_ramp = rate_ * ramp_ / 2;
    const double at = before < in_ramp ? std::sqrt(2 * ramp_ * before / rate_) : ramp_ + (before - in_ramp) / rate_;
    return std::chrono::nanoseconds{static_cast<std::chrono::nanoseconds::rep>(at)};
}

}  // namespace gatherd::cli::bench
