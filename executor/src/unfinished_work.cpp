#include "gatherd/executor/detail/unfinished_work.hpp"

#include <mutex>

#include "gatherd/executor/errors.hpp"

namespace gatherd::executor::detail {

void unfinished_work::add() noexcept {
    const std::lock_guard guard{lock_};
    ++count_;
}

void unfinished_work::done() {
    wait_queue::place* called = nullptr;
    {
        const std::lock_guard guard{lock_};
        if (count_ == 0) {
            throw value_error{"task_done() called too many times"};
        }
        if (--count_ == 0) {
            called = joiners_.call_all();
        }
    }
    wait_queue::resume_all(called);
}

bool unfinished_work::join_awaiter::arm(task_state& waiter) noexcept {
    const std::lock_guard guard{lock_};
    if (work_.count_ == 0) {
        return false;
    }
    stand(waiter);
    return true;
}

}  // namespace gatherd::executor::detail
