/// \file
/// One task at a time: asyncio.Lock.
#pragma once

#include <stdexcept>

#include "gatherd/executor/semaphore.hpp"

namespace gatherd::executor {

/// A lock for tasks: a task that waits for it does not block its worker, and may hold it across co_await. Waiters get
/// it in the order in which they came; unlocking gives it to the first at once, so no newcomer overtakes one. It
/// belongs to no task: another task may unlock it, as in asyncio.
///
/// Destroying it resumes the waiting tasks by abandoned_error. It must outlive its guards.
///
/// Threads: all members are safe from any thread; lock is for tasks.
class mutex {
public:
    /// A locked mutex, unlocked at the end of the guard's life; `release()` unlocks it before.
    using guard = semaphore::permit;

    /// `const auto guard = co_await m.lock();`: waits for it, and holds it for the life of the guard: `async with lock`
    /// in Python. Raises cancelled_error when cancelled, then without the lock.
    [[nodiscard]] semaphore::permit_awaiter lock() noexcept { return semaphore::permit_awaiter{free_, "mutex"}; }

    /// A guard if nobody holds the mutex; else an empty one.
    [[nodiscard]] guard try_lock() noexcept { return free_.try_acquire(); }

    /// For a mutex whose guard was told to forget it. Throws std::logic_error when it is not locked.
    void unlock() {
        if (!free_.try_release()) {
            throw std::logic_error{"Lock is not acquired."};
        }
    }

    [[nodiscard]] bool locked() const noexcept { return free_.locked(); }

private:
    friend class condition;
    semaphore free_{1, 1};
};

}  // namespace gatherd::executor
