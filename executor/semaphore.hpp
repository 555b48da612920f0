/// \file
/// A bound on how many tasks are somewhere at once: asyncio.Semaphore.
#pragma once

#include <coroutine>
#include <cstddef>
#include <vector>

#include "executor/spin_lock.hpp"
#include "executor/task_state.hpp"

namespace gatherd::executor {

/// A counter of permits. Waiters get them first come, first served, and no newcomer overtakes one.
///
/// Threads: all are safe from any; acquire is for tasks. It must outlive its waiters.
class semaphore {
public:
    explicit semaphore(std::size_t permits) noexcept : permits_{permits} {}
    semaphore(const semaphore&) = delete;
    semaphore& operator=(const semaphore&) = delete;

    class acquire_awaiter;

    /// `co_await s.acquire()`: waits for a permit. Raises cancelled_error when cancelled, then without a permit.
    [[nodiscard]] acquire_awaiter acquire() noexcept;

    /// Gives a permit back: to the first waiter, if there is one.
    void release() noexcept;

private:
    spin_lock lock_;
    std::size_t permits_;               // under lock_; 0 while anyone waits
    acquire_awaiter* first_ = nullptr;  // under lock_
    acquire_awaiter* last_ = nullptr;   // under lock_
};

/// What acquire() gives: lives in the awaiting frame, so waiting costs no allocation.
class [[nodiscard]] semaphore::acquire_awaiter : public wait_point {
public:
    explicit acquire_awaiter(semaphore& from) noexcept : semaphore_{from} {}

    [[nodiscard]] bool await_ready() const noexcept { return false; }
    bool await_suspend(std::coroutine_handle<> at) noexcept { return task_state::current().suspend(at, *this); }
    void await_resume() const;

    bool arm(task_state& waiter) noexcept override;
    cancellation cancel(std::vector<task_ref>& awaited) noexcept override;

private:
    friend class semaphore;

    semaphore& semaphore_;
    task_state* waiter_ = nullptr;
    bool has_permit_ = false;  // under the semaphore's lock
    acquire_awaiter* next_ = nullptr;
    acquire_awaiter* previous_ = nullptr;
};

inline semaphore::acquire_awaiter semaphore::acquire() noexcept {
    return acquire_awaiter{*this};
}

}  // namespace gatherd::executor
