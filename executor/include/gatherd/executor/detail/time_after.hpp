/// \file
/// Deadlines from delays.
#pragma once

#include <chrono>

#include "gatherd/executor/detail/timer_wheel.hpp"

namespace gatherd::executor {

/// The moment that is `delay` from now; of absurd delays the last moment there is.
[[nodiscard]] inline clock::time_point time_after(std::chrono::nanoseconds delay) noexcept {
    const auto now = clock::now();
    return delay > clock::time_point::max() - now ? clock::time_point::max() : now + delay;
}

}  // namespace gatherd::executor
