/// \file
/// A flag that tasks can wait for: asyncio.Event.
#pragma once

#include "gatherd/executor/detail/spin_lock.hpp"
#include "gatherd/executor/detail/task_state.hpp"
#include "gatherd/executor/detail/wait_queue.hpp"

namespace gatherd::executor {

/// Unset at first. set() resumes all waiting tasks, in their order, even if clear() follows at once.
///
/// After CPython 3.11's asyncio/locks.py. Destroying it resumes the waiting tasks by abandoned_error.
///
/// Threads: all members are safe from any thread; wait is for tasks.
class event {
public:
    event() noexcept = default;
    ~event() { waiters_.abandon(lock_); }

    [[nodiscard]] bool is_set() const noexcept;
    void set() noexcept;
    void clear() noexcept;

    class wait_awaiter;

    /// `co_await e.wait()`: waits until it is set; does not wait if it is. Raises cancelled_error when cancelled.
    [[nodiscard]] wait_awaiter wait() noexcept;

private:
    [[no_unique_address]] wait_queue waiters_;  // under lock_
    mutable spin_lock lock_;
    bool set_ = false;  // under lock_
};

class [[nodiscard]] event::wait_awaiter : public wait_queue::locked_entry {
public:
    explicit wait_awaiter(event& awaited) noexcept : locked_entry{awaited.lock_, awaited.waiters_}, event_{awaited} {}

    void await_resume() const { go_on(); }
    bool arm(task_state& waiter) noexcept override;
    [[nodiscard]] const char* kind() const noexcept override { return "event"; }

private:
    event& event_;
};

inline event::wait_awaiter event::wait() noexcept {
    return wait_awaiter{*this};
}

}  // namespace gatherd::executor
