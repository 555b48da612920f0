#include "gatherd/executor/ordered_semaphore.hpp"

#include <algorithm>
#include <mutex>

namespace gatherd::executor {

ordered_semaphore::ordered_semaphore(std::size_t places, std::size_t permits) : permits_{permits}, entries_(places) {
    while (permits_ > 0 && next_ < places) {
        static_cast<void>(admit_next());  // nobody waits yet
    }
}

/// Under the lock: gives a permit to the next place that wants one, and its task for being resumed, if it waits.
task_state* ordered_semaphore::admit_next() noexcept {
    while (permits_ > 0 && next_ < entries_.size()) {
        entry& next = entries_[next_++];
        if (next.is == state::waiting) {
            next.is = state::admitted;
            --permits_;
            return std::exchange(next.waiter, nullptr);
        }
    }
    return nullptr;
}

void ordered_semaphore::leave(std::size_t index) noexcept {
    task_state* admitted = nullptr;
    {
        const std::lock_guard guard{lock_};
        if (std::exchange(entries_[index].is, state::left) == state::admitted) {
            ++permits_;
            admitted = admit_next();
        }
    }
    if (admitted != nullptr) {
        admitted->resume();
    }
}

bool ordered_semaphore::place::enter_awaiter::arm(task_state& waiter) noexcept {
    const std::lock_guard guard{line_.lock_};
    if (line_.entries_[index_].is == state::admitted) {
        return false;
    }
    line_.entries_[index_].waiter = &waiter;
    return true;
}

wait_point::cancellation ordered_semaphore::place::enter_awaiter::cancel(task_refs&) noexcept {
    const std::lock_guard guard{line_.lock_};
    if (line_.entries_[index_].is == state::admitted) {
        return cancellation::too_late;
    }
    line_.entries_[index_].waiter = nullptr;
    return cancellation::detached;
}

}  // namespace gatherd::executor
