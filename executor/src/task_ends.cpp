#include "executor/src/task_ends.hpp"

#include <algorithm>
#include <memory>
#include <mutex>
#include <utility>

#include "gatherd/executor/detail/time_after.hpp"
#include "gatherd/executor/task_scope.hpp"

namespace gatherd::executor::detail {

task_ends::~task_ends() {
    for (end* list : {running_.first, ended_.first}) {
        while (list != nullptr) {
            delete std::exchange(list, list->next_end);
        }
    }
}

void task_ends::end_list::push(end& last_one) noexcept {
    last_one.next_end = nullptr;
    last_one.previous_end = last;
    (last != nullptr ? last->next_end : first) = &last_one;
    last = &last_one;
}

void task_ends::end_list::remove(end& leaving) noexcept {
    (leaving.previous_end != nullptr ? leaving.previous_end->next_end : first) = leaving.next_end;
    (leaving.next_end != nullptr ? leaving.next_end->previous_end : last) = leaving.previous_end;
}

bool task_ends::add(const task_ref& task) {
    auto fresh = std::make_unique<end>(*this, task);
    {
        const std::lock_guard guard{lock_};
        if (is_closing_ && left_ == 0) {
            return false;
        }
        ++users_;
        ++left_;
        ++added_;
        running_.push(*fresh);
    }
    end& listed = *fresh.release();
    if (!task->add_continuation(listed)) {
        count(listed, *task);
    }
    return true;
}

void task_ends::all_added() noexcept {
    const std::lock_guard guard{lock_};
    is_adding_ = false;
    if (left_ == 0 && decisive_ == nullptr) {
        decisive_ = ended_.last;
    }
}

void task_ends::close_when_empty() noexcept {
    const std::lock_guard guard{lock_};
    is_closing_ = true;
}

void task_ends::fired(continuation& self, task_state& task) noexcept {
    auto& ended = static_cast<end&>(self);
    ended.owner.count(ended, task);
}

void task_ends::count(end& ended, task_state& task) noexcept {
    const bool keep = is_kept(task);
    if (when_ == return_when::first_exception) {
        static_cast<void>(task.exception());  // counts as retrieved, as asyncio's asking does
    }
    std::unique_ptr<end> dropped;
    task_state* waiter = nullptr;
    bool is_last = false;
    {
        const std::lock_guard guard{lock_};
        is_last = --users_ == 0;
        if (!is_closed_ && !has_timed_out_) {  // I3
            running_.remove(ended);
            --left_;
            if (keep) {
                if (decisive_ == nullptr && decides(task)) {
                    decisive_ = &ended;
                }
                ended_.push(ended);
            } else {
                dropped.reset(&ended);
            }
            waiter = is_over() ? take_waiter() : nullptr;
        }
    }
    finish(waiter, is_last);
}

/// After the lock was released: the waiter may end the set at once.
void task_ends::finish(task_state* waiter, bool is_last) noexcept {
    if (waiter != nullptr) {
        waiter->resume();
    }
    if (is_last) {
        delete this;
    }
}

bool task_ends::decides(const task_state& task) const noexcept {
    if (left_ == 0 && !is_adding_) {  // else it only ended before the next one was added
        return true;
    }
    switch (when_) {
        case return_when::first_completed:
            return true;
        case return_when::first_failure:
            return task.failed();
        case return_when::first_exception:
            return task.failed() && !task.cancelled();
        case return_when::all_completed:
            break;
    }
    return false;
}

bool task_ends::is_over() const noexcept {
    return has_timed_out_ || left_ == 0 || (decisive_ != nullptr && when_ != return_when::all_completed);
}

task_state* task_ends::take_waiter() noexcept {
    return std::exchange(is_waiting_, false) ? waiter_ : nullptr;
}

void task_ends::start_timer(task_scope& scope) noexcept {
    if (!timeout_ || std::exchange(has_timer_, true)) {
        return;
    }
    {
        const std::lock_guard guard{lock_};
        ++users_;
    }
    scope.runs_on().add_timer(scope.timer_home(), *this, time_after(std::max(*timeout_, {})));
}

void task_ends::timed_out(timer_node& self) noexcept {
    auto& set = static_cast<task_ends&>(self);
    task_state* waiter = nullptr;
    bool is_last = false;
    {
        const std::lock_guard guard{set.lock_};
        set.has_timed_out_ = true;
        waiter = set.take_waiter();
        is_last = --set.users_ == 0;
    }
    set.finish(waiter, is_last);
}

void task_ends::leave() noexcept {
    {
        const std::lock_guard guard{lock_};
        is_closed_ = true;
    }
    std::size_t gone = 1;
    for (end* each = running_.first; each != nullptr; each = each->next_end) {  // I3
        gone += each->task->remove_continuation(*each) ? 1 : 0;
    }
    if (has_timer_ && timer_wheel::remove(*this)) {
        ++gone;
    }
    bool is_last = false;
    {
        const std::lock_guard guard{lock_};
        users_ -= gone;
        is_last = users_ == 0;
    }
    finish(nullptr, is_last);
}

bool task_ends::arm(task_state& waiter) noexcept {
    {
        const std::lock_guard guard{lock_};
        if (is_over()) {
            return false;
        }
        waiter_ = &waiter;
        is_waiting_ = true;
    }
    start_timer(
        waiter.scope());  // a waiter that is resumed before this has to wait until suspend() has released its lock
    return true;
}

wait_point::cancellation task_ends::cancel(task_refs& awaited) noexcept {
    if (forwards()) {
        running(awaited);
        if (awaited.empty()) {
            return cancellation::too_late;
        }
        const std::lock_guard guard{lock_};
        request_ = waiter_->request_in_hand();  // the caller has its lock
        return cancellation::passed_on;
    }
    const std::lock_guard guard{lock_};
    return take_waiter() != nullptr ? cancellation::detached : cancellation::too_late;
}

void task_ends::describe(wait_description& description) noexcept {
    const std::lock_guard guard{lock_};
    description.kind = name_;
    description.is_over = is_over();
    description.pending = left_;
    for (const end* each = running_.first; each != nullptr && description.add(*each->task); each = each->next_end) {
    }
    description.total = added_;
    if (has_timer_) {
        description.until = deadline_;
    }
}

void task_ends::running(task_refs& tasks) noexcept {
    const std::lock_guard guard{lock_};
    for (const end* each = running_.first; each != nullptr; each = each->next_end) {
        if (!each->task->ended()) {
            tasks.push_back(each->task);
        }
    }
}

wait_result task_ends::result() noexcept {
    const std::lock_guard guard{lock_};
    return {decisive_ != nullptr, request_ != 0, request_, decisive_ != nullptr ? decisive_->task : task_ref{}};
}

task_ref task_ends::take() noexcept {
    std::unique_ptr<end> taken;
    const std::lock_guard guard{lock_};
    taken.reset(ended_.first);
    if (taken == nullptr) {
        return {};
    }
    ended_.remove(*taken);
    decisive_ = ended_.first;  // of return_when::first_completed; nobody else takes
    return taken->task;
}

}  // namespace gatherd::executor::detail
