#include "gatherd/executor/detail/gathered_tasks.hpp"

#include <mutex>
#include <utility>

namespace gatherd::executor::detail {

void end_count::add() noexcept {
    const std::lock_guard guard{lock_};
    ++users_;
}

void end_count::count(task_state& ended) noexcept {
    const bool decides = when_ == return_when::first_failure && ended.failed();
    task_state* waiter = nullptr;
    bool is_last = false;
    {
        const std::lock_guard guard{lock_};
        is_last = --users_ == 0;
        if (!is_left_ && !decisive_ && (decides || (is_waiting_ && users_ == 1))) {
            decisive_ = task_ref{&ended};
        }
        if (is_over() && std::exchange(is_waiting_, false)) {
            waiter = waiter_;
        }
    }
    if (waiter != nullptr) {
        waiter->resume();
    }
    if (is_last) {
        delete this;
    }
}

void end_count::leave() noexcept {
    task_ref given_up;
    bool is_last = false;
    {
        const std::lock_guard guard{lock_};
        is_left_ = true;
        given_up = std::exchange(decisive_, {});
        is_last = --users_ == 0;
    }
    if (is_last) {
        delete this;
    }
}

bool end_count::arm(task_state& waiter) noexcept {
    const std::lock_guard guard{lock_};
    if (is_over()) {
        return false;
    }
    waiter_ = &waiter;
    is_waiting_ = true;
    return true;
}

wait_point::cancellation end_count::cancel(task_refs& awaited) noexcept {
    for (std::size_t i = 0; i < size(); ++i) {
        if (at(i) && !at(i)->ended()) {
            awaited.push_back(at(i));
        }
    }
    if (awaited.empty()) {
        return cancellation::too_late;
    }
    const std::lock_guard guard{lock_};
    request_ = waiter_->request_in_hand();  // the caller has its lock
    return cancellation::passed_on;
}

void end_count::describe(wait_description& description) noexcept {
    {
        const std::lock_guard guard{lock_};
        description.kind = "gather";
        description.is_over = is_over();
        description.pending = users_ - 1;
        description.total = size();
    }
    std::size_t left = description.pending;
    for (std::size_t i = 0; left > 0 && i < size(); ++i) {
        if (at(i) && !at(i)->ended()) {
            if (!description.add(*at(i))) {
                break;
            }
            --left;
        }
    }
}

wait_result end_count::result() noexcept {
    const std::lock_guard guard{lock_};
    return {true, request_ != 0, request_, decisive_};
}

}  // namespace gatherd::executor::detail
