/// \file
/// A flag that tasks can wait for: asyncio.Event.
#pragma once

#include "gatherd/executor/detail/spin_lock.hpp"
#include "gatherd/executor/detail/task_state.hpp"
#include "gatherd/executor/detail/wait_queue.hpp"

namespace gatherd::executor {

/// Unset at first. set() lets all go on that wait, in their order, even if clear() follows at once.
///
/// After CPython 3.11's asyncio/locks.py.
///
/// Threads: all are safe from any; wait is for tasks. It must outlive its waiters.
class event {
public:
    [[nodiscard]] bool is_set() const noexcept;
    void set() noexcept;
    void clear() noexcept;

    class wait_awaiter;

    /// `co_await e.wait()`: goes on once it is set, at once if it is. Raises cancelled_error when cancelled.
    [[nodiscard]] wait_awaiter wait() noexcept;

private:
    mutable spin_lock lock_;
    bool set_ = false;  // under lock_, as all below
    wait_queue waiters_;
};

class [[nodiscard]] event::wait_awaiter : public wait_queue::place {
public:
    explicit wait_awaiter(event& awaited) noexcept : place{awaited.lock_, awaited.waiters_}, event_{awaited} {}

    void await_resume() const { task_state::current().throw_if_cancelled(); }
    bool arm(task_state& waiter) noexcept override;
    [[nodiscard]] const char* kind() const noexcept override { return "event"; }

private:
    event& event_;
};

inline event::wait_awaiter event::wait() noexcept {
    return wait_awaiter{*this};
}

}  // namespace gatherd::executor
