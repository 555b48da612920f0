/// \file
/// A bound on how many tasks are somewhere at once: asyncio.Semaphore and asyncio.BoundedSemaphore.
#pragma once

#include <cstddef>
#include <limits>
#include <utility>

#include "gatherd/executor/detail/spin_lock.hpp"
#include "gatherd/executor/detail/task_state.hpp"
#include "gatherd/executor/detail/wait_queue.hpp"
#include "gatherd/executor/errors.hpp"

namespace gatherd::executor {

/// A counter of permits. Waiting tasks get permits first come, first served, and no newcomer overtakes one: a permit
/// that is given back goes to the first waiter at once.
///
/// Destroying it resumes the waiting tasks by abandoned_error. It must outlive its permits, also those that were
/// promised to a waiter.
///
/// Threads: all members are safe from any thread; acquire is for tasks.
class semaphore {
public:
    explicit semaphore(std::size_t permits = 1) noexcept
        : semaphore{permits, std::numeric_limits<std::size_t>::max()} {}
    ~semaphore() { waiters_.abandon(lock_); }

    class permit;
    class acquire_awaiter;
    class permit_awaiter;

    /// `const auto permit = co_await s.acquire();`: waits for a permit, which is given back at the end of its life:
    /// `async with s` in Python. Raises cancelled_error when cancelled, then without a permit.
    [[nodiscard]] permit_awaiter acquire() noexcept;

    /// A permit, if there is one; else an empty one.
    [[nodiscard]] permit try_acquire() noexcept;

    /// Adds a permit, such as one that its holder has forgotten: it goes to the first waiter, if there is one.
    void release() noexcept { static_cast<void>(try_release()); }

    /// Whether acquire would wait. Like value, it may change at once.
    [[nodiscard]] bool locked() const noexcept { return value() == 0; }

    /// How many permits nobody has.
    [[nodiscard]] std::size_t value() const noexcept;

protected:
    semaphore(std::size_t permits, std::size_t bound) noexcept : permits_{permits}, bound_{bound} {}

    /// As release; false, and nothing, if there are as many permits as its bound says.
    [[nodiscard]] bool try_release() noexcept;

private:
    friend class condition;  // whose waiters move into this queue
    friend class mutex;

    /// Under lock_: takes a permit if there is one.
    [[nodiscard]] bool take() noexcept;
    /// Under lock_: gives a permit to the first waiter, which must be resumed; null when nobody waits.
    [[nodiscard]] wait_queue::entry* give() noexcept;

    [[no_unique_address]] wait_queue waiters_;  // under lock_
    mutable spin_lock lock_;
    std::size_t permits_;  // under lock_; 0 while anyone waits
    const std::size_t bound_;
};

/// As a semaphore; but it never has more permits than it began with.
class bounded_semaphore : public semaphore {
public:
    explicit bounded_semaphore(std::size_t permits = 1) noexcept : semaphore{permits, permits} {}

    /// Throws value_error when nobody has a permit.
    void release() {
        if (!try_release()) {
            throw value_error{"BoundedSemaphore released too many times"};
        }
    }
};

/// A permit of a semaphore, given back at the end of this object's life.
class [[nodiscard]] semaphore::permit {
public:
    permit() noexcept = default;  ///< empty
    permit(permit&& other) noexcept : from_{std::exchange(other.from_, nullptr)} {}
    permit& operator=(permit other) noexcept {
        std::swap(from_, other.from_);
        return *this;
    }
    ~permit() { release(); }

    /// Gives it back now. Ends the program if a bounded semaphore, or a mutex, has all its permits already.
    void release() noexcept {
        if (from_ != nullptr && !std::exchange(from_, nullptr)->try_release()) {
            end_for_misuse("a permit is given back that was given back by another");
        }
    }

    /// Keeps it from being given back: somebody else will call release or unlock.
    void forget() noexcept { from_ = nullptr; }

    /// Whether this holds a permit.
    explicit operator bool() const noexcept { return from_ != nullptr; }

private:
    friend class semaphore;
    explicit permit(semaphore& from) noexcept : from_{&from} {}

    semaphore* from_ = nullptr;
};

/// Waits for a permit, and leaves it to who derives from this.
class [[nodiscard]] semaphore::acquire_awaiter : public wait_queue::locked_entry {
public:
    explicit acquire_awaiter(semaphore& awaited, const char* name = "semaphore") noexcept
        : locked_entry{awaited.lock_, awaited.waiters_}, semaphore_{awaited}, name_{name} {}

    void await_resume() const;
    bool arm(task_state& waiter) noexcept override;
    [[nodiscard]] const char* kind() const noexcept override { return name_; }

protected:
    semaphore& semaphore_;

private:
    const char* const name_;  // for dump_tasks
};

class [[nodiscard]] semaphore::permit_awaiter : public acquire_awaiter {
public:
    using acquire_awaiter::acquire_awaiter;

    [[nodiscard]] permit await_resume() const {
        acquire_awaiter::await_resume();
        return permit{semaphore_};
    }
};

inline semaphore::permit_awaiter semaphore::acquire() noexcept {
    return permit_awaiter{*this};
}

}  // namespace gatherd::executor
