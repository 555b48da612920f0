#include "gatherd/executor/condition.hpp"

#include <mutex>
#include <stdexcept>

#include "gatherd/executor/detail/misuse.hpp"

namespace gatherd::executor {

condition::~condition() {
    const std::lock_guard guard{mutex_.free_.lock_};
    if (!waiters_.empty()) {
        end_for_misuse("a condition is destroyed while a task waits for it");
    }
}

condition::wait_awaiter condition::wait() {
    if (!mutex_.locked()) {
        throw std::logic_error{"cannot wait on un-acquired lock"};
    }
    return wait_awaiter{*this};
}

void condition::notify(std::size_t n) {
    semaphore& free = mutex_.free_;
    const std::lock_guard guard{free.lock_};
    if (free.permits_ != 0) {
        throw std::logic_error{"cannot notify on un-acquired lock"};
    }
    for (; n > 0 && !waiters_.empty(); --n) {
        auto& next = static_cast<wait_awaiter&>(*waiters_.take_first());
        next.wants_mutex_ = true;
        next.notified_ = true;
        free.waiters_.push(next);  // the mutex is locked: who unlocks it resumes this one
    }
}

bool condition::wait_awaiter::arm(task_state& waiter) noexcept {
    wait_queue::entry* next = nullptr;
    {
        const std::lock_guard guard{lock_};
        enqueue(waiter);
        next = condition_.mutex_.free_.give();
    }
    wait_queue::resume_all(next);
    return true;
}

wait_point::cancellation condition::wait_awaiter::cancel(task_refs&) noexcept {
    return visit(lock_, [this] {
        if (wants_mutex_) {
            return cancellation::too_late;  // CancelledError is raised when it has the mutex
        }
        condition_.waiters_.remove(*this);
        wants_mutex_ = true;
        semaphore& free = condition_.mutex_.free_;
        if (free.take()) {
            return cancellation::detached;
        }
        free.waiters_.push(*this);
        return cancellation::too_late;
    });
}

void condition::wait_awaiter::await_resume() const {
    if (abandoned()) {
        end_for_misuse("a mutex is destroyed while a task waits for a condition of it");
    }
    try {
        task_state::current().throw_if_cancelled();
    } catch (const cancelled_error&) {
        if (notified_) {
            condition_.notify_one();
        }
        throw;
    }
}

}  // namespace gatherd::executor
