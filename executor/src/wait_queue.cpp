#include "gatherd/executor/detail/wait_queue.hpp"

#include <mutex>

namespace gatherd::executor {

void wait_queue::push(place& last) noexcept {
    last.called_ = false;
    last.next_ = nullptr;
    last.previous_ = last_;
    (last_ != nullptr ? last_->next_ : first_) = &last;
    last_ = &last;
    ++size_;
}

void wait_queue::remove(place& leaving) noexcept {
    (leaving.previous_ != nullptr ? leaving.previous_->next_ : first_) = leaving.next_;
    (leaving.next_ != nullptr ? leaving.next_->previous_ : last_) = leaving.previous_;
    --size_;
}

wait_queue::place* wait_queue::call_first() noexcept {
    place* const first = first_;
    if (first != nullptr) {
        remove(*first);
        first->next_ = nullptr;
        first->called_ = true;
    }
    return first;
}

wait_queue::place* wait_queue::call_all() noexcept {
    place* const chain = std::exchange(first_, nullptr);
    last_ = nullptr;
    size_ = 0;
    for (place* each = chain; each != nullptr; each = each->next_) {
        each->called_ = true;
    }
    return chain;
}

void wait_queue::resume_all(place* called) noexcept {
    while (called != nullptr) {
        place* const following = called->next_;  // a resumed task may end its place's life
        called->resume();
        called = following;
    }
}

wait_point::cancellation wait_queue::place::cancel(task_refs&) noexcept {
    const std::lock_guard guard{lock_};
    if (called_) {
        return cancellation::too_late;
    }
    line_.remove(*this);
    return cancellation::detached;
}

}  // namespace gatherd::executor
