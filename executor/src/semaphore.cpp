#include "gatherd/executor/semaphore.hpp"

#include <limits>
#include <mutex>

namespace gatherd::executor {

bool semaphore::take() noexcept {
    if (permits_ == 0) {
        return false;
    }
    --permits_;
    return true;
}

wait_queue::place* semaphore::give() noexcept {
    wait_queue::place* const next = waiters_.call_first();
    permits_ += next == nullptr ? 1 : 0;
    return next;
}

bool semaphore::try_acquire() noexcept {
    const std::lock_guard guard{lock_};
    return take();
}

bool semaphore::try_release(std::size_t bound) noexcept {
    wait_queue::place* next = nullptr;
    {
        const std::lock_guard guard{lock_};
        if (permits_ >= bound) {
            return false;
        }
        next = give();
    }
    wait_queue::resume_all(next);
    return true;
}

void semaphore::release() noexcept {
    static_cast<void>(try_release(std::numeric_limits<std::size_t>::max()));
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
    stand(waiter);
    return true;
}

void semaphore::acquire_awaiter::await_resume() const {
    go_on([this] { semaphore_.release(); });
}

}  // namespace gatherd::executor
