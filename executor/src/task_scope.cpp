#include "gatherd/executor/task_scope.hpp"

#include <algorithm>
#include <mutex>
#include <utility>
#include <vector>

#include "executor/src/cancellation_walk.hpp"
#include "gatherd/executor/detail/task_state.hpp"
#include "gatherd/executor/detail/worker.hpp"

namespace gatherd::executor {

task_scope::task_scope(scheduler& pool, ordering order)
    : work{&run_serially}, scheduler_{pool}, order_{order}, serial_home_{pool.timer_home()} {
    const std::lock_guard guard{scheduler_.scopes_lock_};
    next_scope_ = std::exchange(scheduler_.first_scope_, this);
    if (next_scope_ != nullptr) {
        next_scope_->previous_scope_ = this;
    }
}

task_scope::~task_scope() {
    if (is_shown_) {  // it never had a task; one that has drained may outlive its scheduler
        leave_scheduler();
    }
}

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

void task_scope::link(shard& in, scope_member& member) noexcept {
    ++in.live;
    member.next_in_scope_ = in.first;
    if (in.first != nullptr) {
        in.first->previous_in_scope_ = &member;
    }
    in.first = &member;
}

void task_scope::unlink(shard& in, scope_member& member) noexcept {
    --in.live;
    (member.previous_in_scope_ != nullptr ? member.previous_in_scope_->next_in_scope_ : in.first) =
        member.next_in_scope_;
    if (member.next_in_scope_ != nullptr) {
        member.next_in_scope_->previous_in_scope_ = member.previous_in_scope_;
    }
}

void task_scope::enroll(scope_member& member) noexcept {
    member.shard_ = shard_here();
    shard& in = shards_[member.shard_];
    {
        const std::lock_guard guard{in.lock};
        if (!in.closing) {
            link(in, member);
            return;
        }
    }
    enroll_late(member);
}

/// What clean-up creates.
void task_scope::enroll_late(scope_member& member) noexcept {
    const std::lock_guard closing{closing_lock_};
    const std::lock_guard guard{shards_[member.shard_].lock};
    ++live_;
    member.round_ = round_;
    link(shards_[member.shard_], member);
}

void task_scope::leave(scope_member& member) noexcept {
    shard& in = shards_[member.shard_];
    {
        const std::lock_guard guard{in.lock};
        if (!in.closing) {
            unlink(in, member);
            return;
        }
    }
    leave_late(member);
}

void task_scope::leave_late(scope_member& member) noexcept {
    task_refs round;
    std::uint64_t request = 0;
    bool is_empty = false;
    {
        const std::lock_guard closing{closing_lock_};
        {
            const std::lock_guard guard{shards_[member.shard_].lock};
            unlink(shards_[member.shard_], member);
        }
        is_empty = --live_ == 0;
        if (member.round_ != round_) {
            --left_in_round_;
        }
        if (!is_empty) {
            if (left_in_round_ != 0) {
                return;
            }
            request = task_state::new_request();
            round = begin_round(request);
        }
    }
    if (is_empty) {
        drained(true);
    } else {
        // Touches no member: those that run keep the scope, and the last may end it meanwhile.
        cancellation_walk::begin_with(std::move(round), {}, request);
    }
}

void task_scope::close() noexcept {
    task_refs round;
    std::uint64_t request = 0;
    bool is_empty = false;
    {
        const std::lock_guard closing{closing_lock_};
        for (shard& each : shards_) {
            const std::lock_guard guard{each.lock};
            each.closing = true;
            live_ += each.live;
        }
        is_empty = live_ == 0;
        if (!is_empty) {
            request = task_state::new_request();
            round = begin_round(request);
        }
    }
    if (is_empty) {
        drained(false);
    } else {
        cancellation_walk::begin_with(std::move(round), {}, request);
    }
}

/// Under closing_lock_: all members of this moment are one round; those that they create while they clean up are the
/// next.
task_refs task_scope::begin_round(std::uint64_t request) {
    left_in_round_ = live_;
    ++round_;
    return ask_all({}, request);
}

/// Gives the tasks to cancel, of each shard the oldest first.
task_refs task_scope::ask_all(const std::string& message, std::uint64_t request) {
    task_refs tasks;
    for (shard& each : shards_) {
        const std::lock_guard guard{each.lock};
        const auto begin = static_cast<std::ptrdiff_t>(tasks.size());
        for (scope_member* member = each.first; member != nullptr; member = member->next_in_scope_) {
            member->ask_to_end(tasks, message, request);
        }
        std::reverse(tasks.begin() + begin, tasks.end());
    }
    return tasks;
}

void task_scope::cancel_all(const std::string& message, std::uint64_t request) noexcept {
    const std::uint64_t number = request != 0 ? request : task_state::new_request();
    cancellation_walk::begin_with(ask_all(message, number), message, number);
}

/// No task is left, so dump_tasks need not look here any more.
void task_scope::leave_scheduler() noexcept {
    const std::lock_guard guard{scheduler_.scopes_lock_};
    is_shown_ = false;
    (previous_scope_ != nullptr ? previous_scope_->next_scope_ : scheduler_.first_scope_) = next_scope_;
    if (next_scope_ != nullptr) {
        next_scope_->previous_scope_ = previous_scope_;
    }
}

void task_scope::drained(bool in_a_step) noexcept {
    leave_scheduler();
    if (order_ == ordering::serial) {
        const std::lock_guard guard{ready_lock_};
        if (in_a_step || ready_scheduled_ || pauses_ != 0) {
            drained_ = true;  // run_serially or resume still needs this object: it tells, when it is done with it
            return;
        }
    }
    on_drained();
}

void task_scope::make_ready(task_state& task, readiness how) noexcept {
    if (order_ == ordering::parallel) {
        using placement = scheduler::placement;
        scheduler_.submit(task, how == readiness::created    ? placement::spawned
                                : how == readiness::yielding ? placement::yielding
                                                             : placement::soon);
        return;
    }
    {
        const std::lock_guard guard{ready_lock_};
        const bool was_held = holder_ != nullptr;
        const bool lets_go = holder_ == &task;
        if (how == readiness::put_off || lets_go) {
            task.next = first_ready_;
            first_ready_ = &task;
            last_ready_ = last_ready_ == nullptr ? &task : last_ready_;
        } else {
            task.next = nullptr;
            (last_ready_ != nullptr ? last_ready_->next : first_ready_) = &task;
            last_ready_ = &task;
        }
        if (lets_go) {
            holder_ = nullptr;
        } else if (was_held) {
            return;
        }
        if (pauses_ != 0 || std::exchange(ready_scheduled_, true)) {
            return;
        }
    }
    scheduler_.submit(*this, scheduler::placement::soon);
}

void task_scope::hold_for(task_state& task) noexcept {
    if (is_serial()) {
        const std::lock_guard guard{ready_lock_};
        holder_ = &task;
    }
}

/// In the step that has begun to hold, which goes on.
void task_scope::let_go() noexcept {
    if (is_serial()) {
        const std::lock_guard guard{ready_lock_};
        holder_ = nullptr;
    }
}

void task_scope::pause() noexcept {
    const std::lock_guard guard{ready_lock_};
    ++pauses_;
}

void task_scope::resume() noexcept {
    bool is_drained = false;
    {
        const std::lock_guard guard{ready_lock_};
        if (--pauses_ != 0 || ready_scheduled_) {
            return;  // run_serially sees to it after the step
        }
        is_drained = drained_;
        ready_scheduled_ = !is_drained && first_ready_ != nullptr && holder_ == nullptr;
        if (!is_drained && !ready_scheduled_) {
            return;
        }
    }
    if (is_drained) {
        on_drained();
    } else {
        scheduler_.submit(*this, scheduler::placement::soon);
    }
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
    worker& here = *worker::current();
    here.serial_step = &scope;
    task->run(*task);
    here.serial_step = nullptr;
    bool more = false;
    bool drained = false;
    {
        const std::lock_guard guard{scope.ready_lock_};
        more = scope.first_ready_ != nullptr && scope.holder_ == nullptr && scope.pauses_ == 0;
        drained = scope.drained_ && scope.pauses_ == 0;
        scope.ready_scheduled_ = more;
    }
    if (drained) {
        scope.on_drained();
    } else if (more) {
        scope.scheduler_.submit(scope, scheduler::placement::soon);
    }
}

}  // namespace gatherd::executor
