#include "executor/semaphore.hpp"

#include <mutex>

#include "executor/errors.hpp"

namespace gatherd::executor {

void semaphore::release() noexcept {
    task_state* waiter = nullptr;
    {
        const std::lock_guard guard{lock_};
        if (first_ == nullptr) {
            ++permits_;
            return;
        }
        acquire_awaiter& next = *first_;
        first_ = next.next_;
        (first_ != nullptr ? first_->previous_ : last_) = nullptr;
        next.has_permit_ = true;
        waiter = next.waiter_;
    }
    waiter->resume();
}

bool semaphore::acquire_awaiter::arm(task_state& waiter) noexcept {
    const std::lock_guard guard{semaphore_.lock_};
    if (semaphore_.permits_ > 0) {
        --semaphore_.permits_;
        has_permit_ = true;
        return false;
    }
    waiter_ = &waiter;
    previous_ = semaphore_.last_;
    (previous_ != nullptr ? previous_->next_ : semaphore_.first_) = this;
    semaphore_.last_ = this;
    return true;
}

wait_point::cancellation semaphore::acquire_awaiter::cancel(std::vector<task_ref>&) noexcept {
    const std::lock_guard guard{semaphore_.lock_};
    if (has_permit_) {
        return cancellation::too_late;
    }
    (previous_ != nullptr ? previous_->next_ : semaphore_.first_) = next_;
    (next_ != nullptr ? next_->previous_ : semaphore_.last_) = previous_;
    return cancellation::detached;
}

void semaphore::acquire_awaiter::await_resume() const {
    try {
        task_state::current().throw_if_cancelled();
    } catch (const cancelled_error&) {
        if (has_permit_) {
            semaphore_.release();  // the permit and the cancellation crossed: pass it on
        }
        throw;
    }
}

}  // namespace gatherd::executor
