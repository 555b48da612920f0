#include "gatherd/executor/task_group.hpp"

#include <stdexcept>
#include <vector>

#include "executor/src/task_ends.hpp"
#include "gatherd/executor/exception_group.hpp"

namespace gatherd::executor {

/// The tasks of the group that have not ended, and those that failed, in the order in which they did.
class task_group::members final : public detail::task_ends {
public:
    explicit members(task_group& group) noexcept
        : task_ends{return_when::all_completed, std::nullopt, on_cancel::leave, "task_group"}, group_{group} {}

private:
    /// The group lives until this task has been counted: before that its parent does not go on.
    bool is_kept(task_state& task) noexcept override {
        const bool has_failed = !task.cancelled() && task.exception() != nullptr;
        if (has_failed && group_.begin_to_abort(true)) {
            group_.cancel_all(true);
        }
        return has_failed;
    }

    task_group& group_;
};

task_group::task_group() : parent_{&task_state::current()}, members_{new members{*this}} {}

void task_group::start(const task_ref& task) {
    const bool has_joined = members_->add(task);
    if (!has_joined || aborting_.load(std::memory_order_relaxed)) {  // cancel_all finds it, or came first: by the lock
        task->cancel();
    }
    task->start(false);
    if (!has_joined) {
        throw std::logic_error{"TaskGroup is finished"};
    }
}

/// True for the first who aborts.
bool task_group::begin_to_abort(bool for_a_failure) noexcept {
    if (aborting_.exchange(true, std::memory_order_relaxed)) {  // the lock of the members orders it: see start()
        return false;
    }
    parent_cancel_requested_ = for_a_failure;
    return true;
}

/// By one request: the parent may await one of the others, which is to be asked once. It is the last, so it is told at
/// once: before it takes the request back. `request`: the one that the parent was cancelled by, if that is the reason.
void task_group::cancel_all(bool and_parent, std::uint64_t request) noexcept {
    task_refs tasks;
    members_->running(tasks);
    if (and_parent) {
        tasks.push_back(parent_);
    }
    task_state::cancel_each(tasks, {}, request);
}

task<> task_group::finish(std::exception_ptr& failure, std::optional<cancelled_error>& cancellation) {
    members_->close_when_empty();
    if ((failure || cancellation) && begin_to_abort(false)) {
        cancel_all(false, cancellation ? cancellation->request() : 0);
    }
    for (bool all_ended = false; !all_ended;) {  // the parent may be cancelled more than once
        try {
            co_await detail::ends_awaiter{*members_};
            all_ended = true;
        } catch (const cancelled_error& error) {
            if (begin_to_abort(false)) {
                cancellation = error;
                cancel_all(false, error.request());
            }
        }
    }
    if (parent_cancel_requested_ && parent_->uncancel() == 0) {
        cancellation.reset();
    }
    std::vector<std::exception_ptr> failures;
    while (const task_ref failed = members_->take()) {
        failures.push_back(failed->exception());
    }
    if (cancellation && failures.empty()) {
        throw *cancellation;
    }
    if (failure) {
        failures.push_back(std::move(failure));
    }
    if (!failures.empty()) {
        throw exception_group{"unhandled errors in a TaskGroup", std::move(failures)};
    }
}

}  // namespace gatherd::executor
