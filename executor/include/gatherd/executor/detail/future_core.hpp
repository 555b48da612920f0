/// \file
/// What a future and its promise share, but for the result.
#pragma once

#include <atomic>
#include <cstdint>
#include <exception>
#include <string>
#include <vector>

#include "gatherd/executor/detail/spin_lock.hpp"
#include "gatherd/executor/detail/wait_queue.hpp"

namespace gatherd::executor::detail {

/// The outcome of a future but for its value, and those who wait for it. Whoever claims it sets the outcome, and then
/// publishes it.
///
/// Edges  R   publish: done_ store, release  ->  done: load, acquire     the outcome is visible
class future_core {
public:
    future_core() noexcept = default;
    future_core(const future_core&) = delete;
    future_core& operator=(const future_core&) = delete;

    [[nodiscard]] bool done() const noexcept { return done_.load(std::memory_order_acquire); }  // R

    /// Whether the caller may set the outcome; true once.
    [[nodiscard]] bool claim() noexcept { return !claimed_.exchange(true, std::memory_order_relaxed); }  // no data yet

    /// Wakes who waits. By the claimer.
    void publish() noexcept;

    [[nodiscard]] bool try_set_exception(std::exception_ptr failure) noexcept;
    /// `request`: the number of the task's that this is done for, if it is.
    [[nodiscard]] bool cancel(const std::string& message, std::uint64_t request = 0) noexcept;
    void break_promise() noexcept;

    [[nodiscard]] bool cancelled() const noexcept { return done() && cancelled_; }

    /// Its exception, CancelledError included, or null. Throws invalid_state_error when it is not done.
    [[nodiscard]] std::exception_ptr exception() const;

    /// What the awaiter of a future does but for the result.
    class wait_awaiter : public wait_queue::locked_entry {
    public:
        explicit wait_awaiter(future_core& awaited) noexcept
            : locked_entry{awaited.lock_, awaited.waiters_}, awaited_{awaited} {}

        /// One that is not done is really waited for, and a cancellation reaches it, whatever the budget says.
        bool await_suspend(detail::awaiting_coroutine at) noexcept {
            task_state& waiter = task_state::current();
            return awaited_.done() ? waiter.suspend_within_budget(at, *this) : waiter.suspend(at, *this);
        }
        void await_resume() const {
            task_state& awaiter = task_state::current();
            awaiter.throw_if_cancelled();
            awaiter.adopt_cancellation(awaited_.cancelled_by_);  // it is done
        }
        bool arm(task_state& waiter) noexcept override;
        [[nodiscard]] const char* kind() const noexcept override { return "future"; }

        /// Cancels the future, and so all who wait for it: asyncio's Task.cancel does that to what the task awaits.
        cancellation cancel(task_refs& awaited) noexcept override;

    private:
        future_core& awaited_;
    };

protected:
    ~future_core();

private:
    std::exception_ptr failure_;  // the claimer's until published, as the next three
    bool cancelled_ = false;
    std::uint64_t cancelled_by_ = 0;
    mutable std::atomic<bool> retrieved_{false};
    std::atomic<bool> claimed_{false};
    std::atomic<bool> done_{false};  // written under lock_
    spin_lock lock_;
    wait_queue waiters_;  // under lock_
};

}  // namespace gatherd::executor::detail
