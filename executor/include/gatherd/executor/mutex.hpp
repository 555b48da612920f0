/// \file
/// One task at a time: asyncio.Lock.
#pragma once

#include <stdexcept>
#include <utility>

#include "gatherd/executor/semaphore.hpp"

namespace gatherd::executor {

/// A lock for tasks: who waits for it holds up no worker, and may hold it across co_await. Waiters get it in the order
/// in which they came; unlock() gives it to the first at once, so no newcomer overtakes one. It belongs to no task:
/// another may unlock it, as in asyncio.
///
/// Threads: all are safe from any; the waiting ones are for tasks. It must outlive its waiters.
class mutex {
public:
    class guard;
    class scoped_lock_awaiter;

    /// `co_await m.lock()`: waits for it. Raises cancelled_error when cancelled, then without the lock.
    [[nodiscard]] semaphore::acquire_awaiter lock() noexcept { return free_.acquire(); }

    /// `const auto guard = co_await m.scoped_lock();`: as lock(); unlocks at the end of the guard's life.
    [[nodiscard]] scoped_lock_awaiter scoped_lock() noexcept;

    [[nodiscard]] bool try_lock() noexcept { return free_.try_acquire(); }

    /// Throws std::logic_error when it is not locked.
    void unlock() {
        if (!free_.try_release(1)) {
            throw std::logic_error{"Lock is not acquired."};
        }
    }

    [[nodiscard]] bool locked() const noexcept { return free_.locked(); }

private:
    friend class condition;
    semaphore free_{1};
};

/// A mutex that is locked for as long as this lives.
class [[nodiscard]] mutex::guard {
public:
    explicit guard(mutex& locked) noexcept : locked_{&locked} {}
    guard(guard&& other) noexcept : locked_{std::exchange(other.locked_, nullptr)} {}
    guard& operator=(guard&&) = delete;
    ~guard() {
        if (locked_ != nullptr) {
            locked_->unlock();  // ends the program if another task has unlocked it
        }
    }

private:
    mutex* locked_;
};

class [[nodiscard]] mutex::scoped_lock_awaiter : public semaphore::acquire_awaiter {
public:
    explicit scoped_lock_awaiter(mutex& wanted) noexcept : acquire_awaiter{wanted.free_}, wanted_{wanted} {}

    guard await_resume() const {
        acquire_awaiter::await_resume();
        return guard{wanted_};
    }
    [[nodiscard]] const char* kind() const noexcept override { return "mutex"; }

private:
    mutex& wanted_;
};

inline mutex::scoped_lock_awaiter mutex::scoped_lock() noexcept {
    return scoped_lock_awaiter{*this};
}

}  // namespace gatherd::executor
