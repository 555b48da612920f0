/// \file
/// A semaphore that notices one release too many: asyncio.BoundedSemaphore.
#pragma once

#include <cstddef>

#include "gatherd/executor/errors.hpp"
#include "gatherd/executor/semaphore.hpp"

namespace gatherd::executor {

/// As a semaphore; but it never has more permits than it began with.
class bounded_semaphore {
public:
    explicit bounded_semaphore(std::size_t permits = 1) noexcept : bound_{permits}, permits_{permits} {}

    [[nodiscard]] semaphore::acquire_awaiter acquire() noexcept { return permits_.acquire(); }
    [[nodiscard]] bool try_acquire() noexcept { return permits_.try_acquire(); }

    /// Throws value_error when nobody has a permit.
    void release() {
        if (!permits_.try_release(bound_)) {
            throw value_error{"BoundedSemaphore released too many times"};
        }
    }

    [[nodiscard]] bool locked() const noexcept { return permits_.locked(); }
    [[nodiscard]] std::size_t value() const noexcept { return permits_.value(); }

private:
    const std::size_t bound_;
    semaphore permits_;
};

}  // namespace gatherd::executor
