#include "executor/task_scope.hpp"

#include <algorithm>
#include <mutex>
#include <vector>

#include "executor/task_state.hpp"

namespace gatherd::executor {

task_scope::task_scope(scheduler& on, ordering order) noexcept
    : work{&run_serially}, scheduler_{on}, order_{order}, serial_home_{on.timer_home()} {}

std::size_t task_scope::timer_home() const noexcept {
    return is_serial() ? serial_home_ : scheduler_.timer_home();
}

std::size_t task_scope::size() const noexcept {
    const std::lock_guard guard{lock_};
    return live_;
}

void task_scope::enroll(task_state& task) noexcept {
    const std::lock_guard guard{lock_};
    ++live_;
    task.round_ = round_;
    task.next_in_scope_ = first_;
    if (first_ != nullptr) {
        first_->previous_in_scope_ = &task;
    }
    first_ = &task;
}

void task_scope::leave(task_state& task) noexcept {
    std::vector<task_ref> round;
    {
        const std::lock_guard guard{lock_};
        (task.previous_in_scope_ != nullptr ? task.previous_in_scope_->next_in_scope_ : first_) = task.next_in_scope_;
        if (task.next_in_scope_ != nullptr) {
            task.next_in_scope_->previous_in_scope_ = task.previous_in_scope_;
        }
        --live_;
        if (!closing_) {
            return;
        }
        if (task.round_ != round_) {
            --left_in_round_;
        }
        if (live_ != 0) {
            if (left_in_round_ == 0) {
                round = begin_round();
            }
        }
        if (live_ != 0 && round.empty()) {
            return;
        }
    }
    if (round.empty()) {
        drained(true);
    } else {
        task_state::cancel_each(round,
                                {});  // touches no member: those that run keep the scope, the last may end it meanwhile
    }
}

void task_scope::close() noexcept {
    std::vector<task_ref> round;
    {
        const std::lock_guard guard{lock_};
        closing_ = true;
        if (live_ != 0) {
            round = begin_round();
        }
    }
    if (round.empty()) {
        drained(false);
    } else {
        task_state::cancel_each(round, {});
    }
}

/// Under lock_: all tasks of this moment are one round; those that they create while they clean up are the next.
std::vector<task_ref> task_scope::begin_round() {
    left_in_round_ = live_;
    ++round_;
    return all();
}

std::vector<task_ref> task_scope::all() const {
    std::vector<task_ref> tasks;
    tasks.reserve(live_);
    for (task_state* each = first_; each != nullptr; each = each->next_in_scope_) {
        tasks.emplace_back(each);  // a task in here holds a reference to itself
    }
    std::reverse(tasks.begin(), tasks.end());  // oldest first
    return tasks;
}

void task_scope::cancel_all(const std::string& message) noexcept {
    std::vector<task_ref> tasks;
    {
        const std::lock_guard guard{lock_};
        tasks = all();
    }
    task_state::cancel_each(tasks, message);
}

void task_scope::drained(bool in_a_step) noexcept {
    if (order_ == ordering::serial) {
        const std::lock_guard guard{ready_lock_};
        if (in_a_step || ready_scheduled_) {
            drained_ = true;  // run_serially still needs this object: it tells, when it is done with it
            return;
        }
    }
    on_drained();
}

void task_scope::make_ready(task_state& task, readiness how) noexcept {
    if (order_ == ordering::parallel) {
        how == readiness::created ? scheduler_.submit_new(task) : scheduler_.submit_soon(task);
        return;
    }
    {
        const std::lock_guard guard{ready_lock_};
        task.next = nullptr;
        (last_ready_ != nullptr ? last_ready_->next : first_ready_) = &task;
        last_ready_ = &task;
        if (std::exchange(ready_scheduled_, true)) {
            return;
        }
    }
    scheduler_.submit_soon(*this);
}

void task_scope::run_serially(work& self) noexcept {
    auto& scope = static_cast<task_scope&>(self);
    work* task = nullptr;
    {
        const std::lock_guard guard{scope.ready_lock_};
        task = scope.first_ready_;
        scope.first_ready_ = task->next;
        if (scope.first_ready_ == nullptr) {
            scope.last_ready_ = nullptr;
        }
    }
    task->run(*task);
    bool more = false;
    bool drained = false;
    {
        const std::lock_guard guard{scope.ready_lock_};
        more = scope.first_ready_ != nullptr;
        drained = scope.drained_;
        scope.ready_scheduled_ = more;
    }
    if (drained) {
        scope.on_drained();
    } else if (more) {
        scope.scheduler_.submit_soon(scope);
    }
}

}  // namespace gatherd::executor
