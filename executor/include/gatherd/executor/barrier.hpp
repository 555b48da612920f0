/// \file
/// A point at which a number of tasks wait for each other: asyncio.Barrier.
#pragma once

#include <cstddef>

#include "gatherd/executor/detail/spin_lock.hpp"
#include "gatherd/executor/detail/task_state.hpp"
#include "gatherd/executor/detail/wait_queue.hpp"
#include "gatherd/executor/errors.hpp"

namespace gatherd::executor {

/// When `parties` tasks wait, all of them go on, and the next round begins. A cancelled waiter leaves; the others
/// continue to wait.
///
/// After CPython 3.11's asyncio/locks.py, without its draining: once the last party has come, the others have passed,
/// whatever happens before they run; so the next round begins at once, and each index of a round is given once.
/// Destroying it resumes the waiting tasks by abandoned_error.
///
/// Threads: all members are safe from any thread; wait is for tasks.
class barrier {
public:
    /// Throws value_error for no parties.
    explicit barrier(std::size_t parties);
    ~barrier() { waiters_.abandon(lock_); }

    class wait_awaiter;

    /// `co_await b.wait()`: gives the task's number in the order of coming, from 0. Raises broken_barrier_error when
    /// the barrier is broken or reset meanwhile, or was broken before; cancelled_error when cancelled.
    [[nodiscard]] wait_awaiter wait() noexcept;

    /// Begins a new round: those who wait get broken_barrier_error.
    void reset() noexcept;

    /// Breaks it, until it is reset: those who wait, and who will, get broken_barrier_error.
    void abort() noexcept;

    [[nodiscard]] std::size_t parties() const noexcept { return parties_; }
    [[nodiscard]] std::size_t n_waiting() const noexcept;
    [[nodiscard]] bool broken() const noexcept;

private:
    void turn_away(bool for_ever) noexcept;

    const std::size_t parties_;
    [[no_unique_address]] wait_queue waiters_;  // under lock_
    mutable spin_lock lock_;
    bool broken_ = false;  // under lock_
};

class [[nodiscard]] barrier::wait_awaiter : public wait_queue::locked_entry {
public:
    explicit wait_awaiter(barrier& awaited) noexcept
        : locked_entry{awaited.lock_, awaited.waiters_}, barrier_{awaited} {}

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
