#include "gatherd/executor/event.hpp"

#include <mutex>

namespace gatherd::executor {

bool event::is_set() const noexcept {
    const std::lock_guard guard{lock_};
    return set_;
}

void event::set() noexcept {
    wait_queue::entry* taken = nullptr;
    {
        const std::lock_guard guard{lock_};
        set_ = true;
        taken = waiters_.take_all();
    }
    wait_queue::resume_all(taken);
}

void event::clear() noexcept {
    const std::lock_guard guard{lock_};
    set_ = false;
}

bool event::wait_awaiter::arm(task_state& waiter) noexcept {
    const std::lock_guard guard{lock_};
    if (event_.set_) {
        return false;
    }
    enqueue(waiter);
    return true;
}

}  // namespace gatherd::executor
