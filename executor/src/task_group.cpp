#include "gatherd/executor/task_group.hpp"

#include <memory>
#include <mutex>
#include <stdexcept>
#include <vector>

#include "gatherd/executor/exception_group.hpp"

namespace gatherd::executor {

/// One task of the group, until it has ended well or the group has ended.
struct task_group::member : continuation {
    member(task_group& of, task_ref which) noexcept : continuation{&fired}, group{of}, task{std::move(which)} {}

    static void fired(continuation& self, task_state&) noexcept {
        auto& me = static_cast<member&>(self);
        me.group.ended(me);
    }

    task_group& group;
    const task_ref task;
    std::exception_ptr failure;
    member* next_in_group = nullptr;
    member* previous_in_group = nullptr;
};

void task_group::member_list::push(member& last) noexcept {
    last.next_in_group = nullptr;
    last.previous_in_group = last_;
    (last_ != nullptr ? last_->next_in_group : first_) = &last;
    last_ = &last;
}

void task_group::member_list::remove(member& leaving) noexcept {
    (leaving.previous_in_group != nullptr ? leaving.previous_in_group->next_in_group : first_) = leaving.next_in_group;
    (leaving.next_in_group != nullptr ? leaving.next_in_group->previous_in_group : last_) = leaving.previous_in_group;
}

/// False: the group is shutting down.
bool task_group::join(const task_ref& task) {
    auto fresh = std::make_unique<member>(*this, task);
    bool goes_on = false;
    {
        const std::lock_guard guard{lock_};
        if (exiting_ && running_.first() == nullptr) {
            throw std::logic_error{"TaskGroup is finished"};
        }
        goes_on = !aborting_;
        running_.push(*fresh);
    }
    task->add_continuation(*fresh.release());  // before its start it cannot have ended
    return goes_on;
}

/// True for the first who aborts.
bool task_group::begin_to_abort(bool for_a_failure) noexcept {
    const std::lock_guard guard{lock_};
    if (std::exchange(aborting_, true)) {
        return false;
    }
    parent_cancel_requested_ = for_a_failure;
    return true;
}

/// As one request: the parent may await one of the others, which is to be asked once.
void task_group::cancel_all(bool and_parent) noexcept {
    task_refs tasks;
    {
        const std::lock_guard guard{lock_};
        for (const member* each = running_.first(); each != nullptr; each = each->next_in_group) {
            if (!each->task->ended()) {
                tasks.push_back(each->task);
            }
        }
    }
    if (and_parent) {
        tasks.push_back(parent_);
    }
    task_state::cancel_each(tasks, {});
}

/// The group lives until this member is out of running_: then the parent may end it.
void task_group::ended(member& of) noexcept {
    std::unique_ptr<member> done{&of};
    if (!of.task->cancelled()) {
        of.failure = of.task->exception();
    }
    if (of.failure != nullptr && begin_to_abort(true)) {
        cancel_all(true);
    }
    wait_queue::place* called = nullptr;
    {
        const std::lock_guard guard{lock_};
        running_.remove(of);
        if (of.failure != nullptr) {
            failed_.push(*done.release());
        }
        if (running_.first() == nullptr) {
            called = waiters_.call_all();
        }
    }
    wait_queue::resume_all(called);
}

/// Waits until no member runs.
class [[nodiscard]] task_group::end_awaiter : public wait_queue::place {
public:
    explicit end_awaiter(task_group& of) noexcept : place{of.lock_, of.waiters_}, group_{of} {}

    void await_resume() const { task_state::current().throw_if_cancelled(); }
    bool arm(task_state& waiter) noexcept override {
        const std::lock_guard guard{lock_};
        if (group_.running_.first() == nullptr) {
            return false;
        }
        stand(waiter);
        return true;
    }

private:
    task_group& group_;
};

std::vector<std::exception_ptr> task_group::take_failures() {
    std::vector<std::exception_ptr> failures;
    for (member* each = failed_.first(); each != nullptr; each = failed_.first()) {  // nobody else is left: no lock
        const std::unique_ptr<member> done{each};
        failed_.remove(*each);
        failures.push_back(std::move(done->failure));
    }
    return failures;
}

task<> task_group::finish(const std::exception_ptr& failure, const bool& is_cancelled) {
    {
        const std::lock_guard guard{lock_};
        exiting_ = true;
    }
    std::exception_ptr cancellation = is_cancelled ? failure : nullptr;
    if (failure && begin_to_abort(false)) {
        cancel_all(false);
    }
    for (bool all_ended = false; !all_ended;) {  // the parent may be cancelled more than once
        try {
            co_await end_awaiter{*this};
            all_ended = true;
        } catch (const cancelled_error&) {
            if (begin_to_abort(false)) {
                cancellation = std::current_exception();
                cancel_all(false);
            }
        }
    }
    if (parent_cancel_requested_ && parent_->uncancel() == 0) {
        cancellation = nullptr;
    }
    std::vector<std::exception_ptr> failures = take_failures();
    if (cancellation && failures.empty()) {
        std::rethrow_exception(cancellation);
    }
    if (failure && !is_cancelled) {
        failures.push_back(failure);
    }
    if (!failures.empty()) {
        throw exception_group{"unhandled errors in a TaskGroup", std::move(failures)};
    }
}

}  // namespace gatherd::executor
