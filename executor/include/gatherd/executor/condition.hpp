/// \file
/// Waiting, with a mutex, until another task notifies a change: asyncio.Condition.
#pragma once

#include <cstddef>
#include <limits>
#include <utility>

#include "gatherd/executor/detail/wait_queue.hpp"
#include "gatherd/executor/mutex.hpp"
#include "gatherd/executor/task.hpp"

namespace gatherd::executor {

/// A task that holds the mutex waits: that unlocks it, and locks it again before the task goes on, cancelled or not.
/// After CPython 3.11's asyncio/locks.py, with two differences. A notified task moves from this queue into the mutex's,
/// and so wakes only when it has the mutex. A notification that crosses with a cancellation goes to the next
/// waiter, as in CPython 3.13; 3.11 loses it.
///
/// Threads: all members are safe from any thread; the mutex must be locked. The mutex must outlive the condition. The
/// condition must outlive its waiters: they would go on without the mutex, so destroying it ends the program.
class condition {
public:
    explicit condition(mutex& lock) noexcept : mutex_{lock} {}
    ~condition();

    class wait_awaiter;

    /// `co_await c.wait()`: until notified. Raises cancelled_error when cancelled, with the mutex locked.
    /// Throws std::logic_error when the mutex is not locked.
    [[nodiscard]] wait_awaiter wait();

    /// `co_await c.wait(predicate)`: until predicate() is true, which is called with the mutex locked: asyncio's
    /// wait_for. It costs a coroutine.
    template <typename Predicate>
    task<> wait(Predicate predicate);

    /// Wakes the first `n` waiters, or all if there are fewer. Throws std::logic_error when the mutex is not locked.
    void notify(std::size_t n);
    void notify_one() { notify(1); }
    void notify_all() { notify(std::numeric_limits<std::size_t>::max()); }

private:
    mutex& mutex_;
    wait_queue waiters_;  // under the mutex's lock_, so that a waiter moves to that queue in one step
};

class [[nodiscard]] condition::wait_awaiter : public wait_queue::locked_entry {
public:
    explicit wait_awaiter(condition& awaited) noexcept
        : locked_entry{awaited.mutex_.free_.lock_, awaited.waiters_}, condition_{awaited} {}

    void await_resume() const;
    bool arm(task_state& waiter) noexcept override;
    cancellation cancel(task_refs& awaited) noexcept override;
    [[nodiscard]] const char* kind() const noexcept override { return "condition"; }

private:
    friend class condition;
    condition& condition_;
    bool wants_mutex_ = false;  // under the lock: it waits for the mutex now, or has it
    bool notified_ = false;     // under the lock: wants_mutex_ came from a notification
};

template <typename Predicate>
task<> condition::wait(Predicate predicate) {
    while (!predicate()) {
        co_await wait();
    }
}

}  // namespace gatherd::executor
