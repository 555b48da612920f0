#include "gatherd/executor/semaphore.hpp"

#include <mutex>

namespace gatherd::executor {

bool semaphore::take() noexcept {
    if (permits_ == 0) {
        return false;
    }
    --permits_;
    return true;
}

wait_queue::entry* semaphore::give() noexcept {
    wait_queue::entry* const next = waiters_.take_first();
    permits_ += next == nullptr ? 1 : 0;
    return next;
}

semaphore::permit semaphore::try_acquire() noexcept {
    const std::lock_guard guard{lock_};
    return take() ? permit{*this} : permit{};
}

bool semaphore::try_release() noexcept {
    wait_queue::entry* next = nullptr;
    {
        const std::lock_guard guard{lock_};
        if (permits_ >= bound_) {
            return false;
        }
        next = give();
    }
    wait_queue::resume_all(next);
    return true;
}

std::size_t semaphore::value() const noexcept {
    const std::lock_guard guard{lock_};
    return permits_;
}

bool semaphore::acquire_awaiter::arm(task_state& waiter) noexcept {
    const std::lock_guard guard{lock_};
    if (semaphore_.take()) {
        return false;
    }
    enqueue(waiter);
    return true;
}

void semaphore::acquire_awaiter::await_resume() const {
    go_on([this] { semaphore_.release(); });
}

}  // namespace gatherd::executor
