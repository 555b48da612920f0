#include "gatherd/executor/event.hpp"

#include <mutex>

namespace gatherd::executor {

bool event::is_set() const noexcept {
    const std::lock_guard guard{lock_};
    return set_;
}

void event::set() noexcept {
    wait_queue::place* called = nullptr;
    {
        const std::lock_guard guard{lock_};
        set_ = true;
        called = waiters_.call_all();
    }
    wait_queue::resume_all(called);
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
    stand(waiter);
    return true;
}

}  // namespace gatherd::executor
