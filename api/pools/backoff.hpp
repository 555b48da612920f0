/// \file
/// How long to wait before the next try.
#pragma once

#include <chrono>
#include <cstdint>
#include <random>

namespace gatherd::api::pools {

/// Pauses that double from `first` to `most`; each is up to a quarter longer, by chance, so that processes that failed
/// together do not start together for ever. With a `most` below `first` all are of `first`.
///
/// Threads: one at a time.
class backoff {
public:
    using duration = std::chrono::milliseconds;

    backoff(duration first, duration most, std::uint32_t seed) noexcept : first_{first}, most_{most}, random_{seed} {}

    /// The next pause.
    [[nodiscard]] duration next();

    /// It went well: the next pause is the first again.
    void reset() noexcept { pause_ = duration{0}; }

private:
    const duration first_;
    const duration most_;
    duration pause_{0};  // the last one, without its share of chance; 0: there was none
    std::minstd_rand random_;
};

}  // namespace gatherd::api::pools
