#include "gatherd/executor/barrier.hpp"

#include <mutex>

namespace gatherd::executor {

barrier::barrier(std::size_t parties) : parties_{parties} {
    if (parties == 0) {
        throw value_error{"parties must be > 0"};
    }
}

std::size_t barrier::n_waiting() const noexcept {
    const std::lock_guard guard{lock_};
    return waiters_.size();
}

bool barrier::broken() const noexcept {
    const std::lock_guard guard{lock_};
    return broken_;
}

void barrier::turn_away(bool for_ever) noexcept {
    wait_queue::entry* taken = nullptr;
    {
        const std::lock_guard guard{lock_};
        broken_ = for_ever;
        taken = waiters_.take_all();
        for (auto* each = taken; each != nullptr; each = each->next()) {
            static_cast<wait_awaiter&>(*each).refusal_ = "Abort or reset of barrier";
        }
    }
    wait_queue::resume_all(taken);
}

void barrier::reset() noexcept {
    turn_away(false);
}

void barrier::abort() noexcept {
    turn_away(true);
}

bool barrier::wait_awaiter::arm(task_state& waiter) noexcept {
    wait_queue::entry* taken = nullptr;
    {
        const std::lock_guard guard{lock_};
        if (barrier_.broken_) {
            refusal_ = "Barrier aborted";
            return false;
        }
        if (barrier_.waiters_.size() + 1 < barrier_.parties_) {
            enqueue(waiter);
            return true;
        }
        taken = barrier_.waiters_.take_all();
        for (auto* each = taken; each != nullptr; each = each->next()) {
            static_cast<wait_awaiter&>(*each).index_ = index_++;
        }
    }
    wait_queue::resume_all(taken);
    return false;
}

std::size_t barrier::wait_awaiter::await_resume() const {
    go_on();
    if (refusal_ != nullptr) {
        throw broken_barrier_error{refusal_};
    }
    return index_;
}

}  // namespace gatherd::executor
