/// \file
/// A point at which a number of tasks wait for each other: asyncio.Barrier.
#pragma once

#include <cstddef>

#include "gatherd/executor/detail/spin_lock.hpp"
#include "gatherd/executor/detail/task_state.hpp"
#include "gatherd/executor/detail/wait_queue.hpp"
#include "gatherd/executor/errors.hpp"

namespace gatherd::executor {

/// When `parties` tasks wait, all go on, and the barrier is as new. A waiter that is cancelled leaves; the others wait
/// on.
///
/// After CPython 3.11's asyncio/locks.py, without its draining: once the last party has come, the others have passed,
/// whatever happens before they run; so the next round begins at once, and each index of a round is given once.
///
/// Threads: all are safe from any; wait is for tasks. It must outlive its waiters.
class barrier {
public:
    /// Throws value_error for no parties.
    explicit barrier(std::size_t parties);

    class wait_awaiter;

    /// `co_await b.wait()`: gives the task's number in the order of coming, from 0. Raises broken_barrier_error when
    /// the barrier is broken or reset meanwhile, or was broken before; cancelled_error when cancelled.
    [[nodiscard]] wait_awaiter wait() noexcept;

    /// Makes it as new: those who wait get broken_barrier_error.
    void reset() noexcept;

    /// Breaks it, until it is reset: those who wait, and who will, get broken_barrier_error.
    void abort() noexcept;

    [[nodiscard]] std::size_t parties() const noexcept { return parties_; }
    [[nodiscard]] std::size_t n_waiting() const noexcept;
    [[nodiscard]] bool broken() const noexcept;

private:
    void turn_away(bool for_ever) noexcept;

    const std::size_t parties_;
    mutable spin_lock lock_;
    bool broken_ = false;  // under lock_, as all below
    wait_queue waiters_;
};

class [[nodiscard]] barrier::wait_awaiter : public wait_queue::place {
public:
    explicit wait_awaiter(barrier& at) noexcept : place{at.lock_, at.waiters_}, barrier_{at} {}

    std::size_t await_resume() const;
    bool arm(task_state& waiter) noexcept override;
    [[nodiscard]] const char* kind() const noexcept override { return "barrier"; }

private:
    friend class barrier;
    barrier& barrier_;
    std::size_t index_ = 0;  // under the lock, as all below, until the task goes on
    const char* refusal_ = nullptr;
};

inline barrier::wait_awaiter barrier::wait() noexcept {
    return wait_awaiter{*this};
}

}  // namespace gatherd::executor
