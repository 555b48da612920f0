#include "executor/task_scope.hpp"

#include <algorithm>
#include <mutex>
#include <vector>

#include "executor/task_state.hpp"
#include "executor/worker.hpp"

namespace gatherd::executor {

task_scope::task_scope(scheduler& on, ordering order) noexcept
    : work{&run_serially}, scheduler_{on}, order_{order}, serial_home_{on.timer_home()} {}

std::size_t task_scope::timer_home() const noexcept {
    return is_serial() ? serial_home_ : scheduler_.timer_home();
}

std::size_t task_scope::size() const noexcept {
    std::size_t all = 0;
    for (const shard& each : shards_) {
        const std::lock_guard guard{each.lock};
        all += each.live;
    }
    return all;
}

/// A serial scope has one list, in the order of creation.
std::uint8_t task_scope::shard_here() const noexcept {
    const worker* const w = worker::current();
    return w == nullptr || is_serial() ? 0 : static_cast<std::uint8_t>(w->index() % shard_count);
}

void task_scope::link(shard& in, task_state& task) noexcept {
    ++in.live;
    task.next_in_scope_ = in.first;
    if (in.first != nullptr) {
        in.first->previous_in_scope_ = &task;
    }
    in.first = &task;
}

void task_scope::unlink(shard& in, task_state& task) noexcept {
    --in.live;
    (task.previous_in_scope_ != nullptr ? task.previous_in_scope_->next_in_scope_ : in.first) = task.next_in_scope_;
    if (task.next_in_scope_ != nullptr) {
        task.next_in_scope_->previous_in_scope_ = task.previous_in_scope_;
    }
}

void task_scope::enroll(task_state& task) noexcept {
    task.shard_ = shard_here();
    shard& in = shards_[task.shard_];
    {
        const std::lock_guard guard{in.lock};
        if (!in.closing) {
            link(in, task);
            return;
        }
    }
    enroll_late(task);
}

/// A task that clean-up creates.
void task_scope::enroll_late(task_state& task) noexcept {
    const std::lock_guard closing{closing_lock_};
    const std::lock_guard guard{shards_[task.shard_].lock};
    ++live_;
    task.round_ = round_;
    link(shards_[task.shard_], task);
}

void task_scope::leave(task_state& task) noexcept {
    shard& in = shards_[task.shard_];
    {
        const std::lock_guard guard{in.lock};
        if (!in.closing) {
            unlink(in, task);
            return;
        }
    }
    leave_late(task);
}

void task_scope::leave_late(task_state& task) noexcept {
    std::vector<task_ref> round;
    {
        const std::lock_guard closing{closing_lock_};
        {
            const std::lock_guard guard{shards_[task.shard_].lock};
            unlink(shards_[task.shard_], task);
        }
        --live_;
        if (task.round_ != round_) {
            --left_in_round_;
        }
        if (live_ != 0) {
            if (left_in_round_ != 0) {
                return;
            }
            round = begin_round();
        }
    }
    if (round.empty()) {
        drained(true);
    } else {
        // Touches no member: those that run keep the scope, and the last may end it meanwhile.
        task_state::cancel_each(round, {});
    }
}

void task_scope::close() noexcept {
    std::vector<task_ref> round;
    {
        const std::lock_guard closing{closing_lock_};
        for (shard& each : shards_) {
            const std::lock_guard guard{each.lock};
            each.closing = true;
            live_ += each.live;
        }
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

/// Under closing_lock_: all tasks of this moment are one round; those that they create while they clean up are the
/// next.
std::vector<task_ref> task_scope::begin_round() {
    left_in_round_ = live_;
    ++round_;
    return all();
}

/// Of each shard the oldest first.
std::vector<task_ref> task_scope::all() const {
    std::vector<task_ref> tasks;
    for (const shard& each : shards_) {
        const std::lock_guard guard{each.lock};
        const auto begin = static_cast<std::ptrdiff_t>(tasks.size());
        for (task_state* task = each.first; task != nullptr; task = task->next_in_scope_) {
            tasks.emplace_back(task);  // a task in here holds a reference to itself
        }
        std::reverse(tasks.begin() + begin, tasks.end());
    }
    return tasks;
}

void task_scope::cancel_all(const std::string& message) noexcept {
    task_state::cancel_each(all(), message);
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
        switch (how) {
            case readiness::created:
                scheduler_.submit_new(task);
                break;
            case readiness::yielding:
                scheduler_.submit_last(task);
                break;
            case readiness::created_soon:
            case readiness::resumed:
                scheduler_.submit_soon(task);
                break;
        }
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
