/// \file
/// How often one thing may be logged.
#pragma once

#include <chrono>
#include <cstdint>
#include <mutex>
#include <optional>
#include <utility>

namespace gatherd::api::server {

/// Lets one line through at once, and the next ones no sooner than `interval` after the one before; counts the others.
///
/// Threads: all members are safe from any thread.
class log_throttle {
public:
    using clock = std::chrono::steady_clock;

    explicit log_throttle(clock::duration interval) noexcept : interval_{interval} {}

    /// Whether the caller may log now: then how many lines were left out since the last one.
    [[nodiscard]] std::optional<std::uint64_t> pass(clock::time_point now = clock::now()) {
        const std::lock_guard guard{lock_};
        if (last_ && now - *last_ < interval_) {
            ++left_out_;
            return std::nullopt;
        }
        last_ = now;
        return std::exchange(left_out_, 0);
    }

private:
    const clock::duration interval_;
    std::mutex lock_;
    std::optional<clock::time_point> last_;  // under lock_, as all below
    std::uint64_t left_out_ = 0;
};

}  // namespace gatherd::api::server
