#include "gatherd/executor/detail/wait_queue.hpp"

#include <mutex>
#include <thread>

namespace gatherd::executor {

void wait_queue::push(entry& last) noexcept {
    last.phase_.fetch_and(static_cast<std::uint8_t>(~entry::is_taken), std::memory_order_relaxed);  // under the lock
    last.next_ = nullptr;
    last.previous_ = last_;
    (last_ != nullptr ? last_->next_ : first_) = &last;
    last_ = &last;
    ++size_;
}

void wait_queue::remove(entry& leaving) noexcept {
    (leaving.previous_ != nullptr ? leaving.previous_->next_ : first_) = leaving.next_;
    (leaving.next_ != nullptr ? leaving.next_->previous_ : last_) = leaving.previous_;
    --size_;
}

wait_queue::entry* wait_queue::take_first() noexcept {
    entry* const first = first_;
    if (first != nullptr) {
        remove(*first);
        first->next_ = nullptr;
        first->take();
    }
    return first;
}

wait_queue::entry* wait_queue::take_all() noexcept {
    entry* const chain = std::exchange(first_, nullptr);
    last_ = nullptr;
    size_ = 0;
    for (entry* each = chain; each != nullptr; each = each->next_) {
        each->take();
    }
    return chain;
}

wait_queue::entry* wait_queue::take_all_abandoned() noexcept {
    for (entry* each = first_; each != nullptr; each = each->next_) {
        each->abandoned_ = true;
    }
    return take_all();
}

void wait_queue::resume_all(entry* taken) noexcept {
    while (taken != nullptr) {
        entry* const following = taken->next_;  // a resumed task may end the life of its entry
        taken->resume();
        taken = following;
    }
}

void wait_queue::abandon(spin_lock& lock) noexcept {
    lock.lock();  // also if it is empty: the last who left may still be about to unlock
    entry* const taken = take_all_abandoned();
    lock.unlock();
    resume_all(taken);
}

void wait_queue::entry::resume() noexcept {
    while ((phase_.load(std::memory_order_acquire) & is_visited) != 0) {  // V: for as long as a lock of a few lines
        std::this_thread::yield();
    }
    task_->resume();
}

wait_point::cancellation wait_queue::locked_entry::cancel(task_refs&) noexcept {
    return cancel_under(lock_, queue_);
}

void wait_queue::entry::describe(wait_description& description) noexcept {
    description.kind = kind();
    description.is_over = taken();  // without the lock, which may be gone once the entry was taken
}

}  // namespace gatherd::executor
