/// \file
/// A bound on how many tasks are somewhere at once: asyncio.Semaphore.
#pragma once

#include <cstddef>

#include "gatherd/executor/detail/spin_lock.hpp"
#include "gatherd/executor/detail/task_state.hpp"
#include "gatherd/executor/detail/wait_queue.hpp"

namespace gatherd::executor {

/// A counter of permits. Waiters get them first come, first served, and no newcomer overtakes one: a permit that is
/// given back goes to the first waiter at once.
///
/// Threads: all are safe from any; acquire is for tasks. It must outlive its waiters.
class semaphore {
public:
    explicit semaphore(std::size_t permits = 1) noexcept : permits_{permits} {}

    class acquire_awaiter;

    /// `co_await s.acquire()`: waits for a permit. Raises cancelled_error when cancelled, then without a permit.
    [[nodiscard]] acquire_awaiter acquire() noexcept;

    /// Takes a permit if there is one.
    [[nodiscard]] bool try_acquire() noexcept;

    /// Gives a permit back: to the first waiter, if there is one.
    void release() noexcept;

    /// As release; but false, and nothing, if `bound` permits are here already.
    [[nodiscard]] bool try_release(std::size_t bound) noexcept;

    /// Whether acquire would wait. Like value, it may change at once.
    [[nodiscard]] bool locked() const noexcept { return value() == 0; }

    /// How many permits are here.
    [[nodiscard]] std::size_t value() const noexcept;

private:
    friend class condition;  // whose waiters move into this line

    /// Under lock_: takes a permit if there is one.
    [[nodiscard]] bool take() noexcept;
    /// Under lock_: gives a permit to the first in line, which must be resumed; null when nobody waits.
    [[nodiscard]] wait_queue::place* give() noexcept;

    mutable spin_lock lock_;
    std::size_t permits_;  // under lock_, as all below; 0 while anyone waits
    wait_queue waiters_;
};

class [[nodiscard]] semaphore::acquire_awaiter : public wait_queue::place {
public:
    explicit acquire_awaiter(semaphore& from) noexcept : place{from.lock_, from.waiters_}, semaphore_{from} {}

    void await_resume() const;
    bool arm(task_state& waiter) noexcept override;
    [[nodiscard]] const char* kind() const noexcept override { return "semaphore"; }

private:
    semaphore& semaphore_;
};

inline semaphore::acquire_awaiter semaphore::acquire() noexcept {
    return acquire_awaiter{*this};
}

}  // namespace gatherd::executor
