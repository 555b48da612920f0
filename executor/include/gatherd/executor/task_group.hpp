/// \file
/// Tasks that end together: asyncio.TaskGroup.
#pragma once

#include <exception>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "gatherd/executor/create_task.hpp"
#include "gatherd/executor/detail/spin_lock.hpp"
#include "gatherd/executor/detail/task_state.hpp"
#include "gatherd/executor/detail/wait_queue.hpp"
#include "gatherd/executor/task.hpp"

namespace gatherd::executor {

/// Tasks that a coroutine starts and does not outlive. When one of them fails, or the body, all others and the body are
/// cancelled; one that is cancelled by others just ends. Made by with_task_group.
///
/// After CPython 3.11's asyncio/taskgroups.py. As there, the group takes back the cancellation by which it woke its own
/// body (task_state::uncancel), and lets one from elsewhere through. Here it does so when all tasks have ended, as
/// CPython 3.13 does: until then one of them may still ask. And a failure cancels the others at once, where asyncio
/// lets those that are ready run on to where they wait next.
///
/// Threads: create_task is safe from any while the group has not ended. A task costs one allocation more than
/// otherwise.
class task_group {
public:
    /// In the running task, the parent.
    task_group() noexcept : parent_{&task_state::current()} {}
    task_group(const task_group&) = delete;
    task_group& operator=(const task_group&) = delete;

    /// Starts a coroutine as a task of the group. While the group shuts down the task is cancelled before its first
    /// step, as if it had been created just before: a failure may come while the body starts its tasks. On asyncio's
    /// one thread it cannot, and there this is an error. Throws std::logic_error when the group has ended.
    template <typename T>
    task_handle<T> create_task(task<T> coroutine, std::string_view name = {}) {
        task_handle<T> handle = prepare_task_in(parent_->scope(), std::move(coroutine), name);
        try {
            if (!join(handle.ref())) {
                handle.cancel();
            }
        } catch (...) {  // no memory, or the group has ended
            handle.abandon();
            throw;
        }
        handle.start(false);
        return handle;
    }

    /// For with_task_group, once, and to be awaited when the body has ended: waits for all tasks and raises what the
    /// group raises. `failure`: what the body raised until then.
    task<> finish(const std::exception_ptr& failure, const bool& is_cancelled);

private:
    struct member;
    class end_awaiter;

    /// Members that have not ended, or that failed: linked, in order, under lock_.
    class member_list {
    public:
        [[nodiscard]] member* first() const noexcept { return first_; }
        void push(member& last) noexcept;
        void remove(member& leaving) noexcept;

    private:
        member* first_ = nullptr;
        member* last_ = nullptr;
    };

    bool join(const task_ref& task);
    void ended(member& of) noexcept;
    void cancel_all(bool and_parent) noexcept;
    bool begin_to_abort(bool for_a_failure) noexcept;
    [[nodiscard]] std::vector<std::exception_ptr> take_failures();

    const task_ref parent_;
    spin_lock lock_;
    member_list running_;  // under lock_, as all below
    member_list failed_;
    bool exiting_ = false;
    bool aborting_ = false;
    bool parent_cancel_requested_ = false;
    wait_queue waiters_;  // the parent, in finish
};

/// `co_await with_task_group(body)`: awaits `body(group)` in the running task, then all tasks of the group; gives the
/// body's result. When any failed, raises an exception_group of their exceptions, with the body's last; when the
/// running task was cancelled meanwhile, and none failed, raises cancelled_error.
///
/// The closure lives until its coroutine has ended, so it may capture; but see to_thread about g++ 12 and closures
/// that are written inside the co_await.
template <typename Body>
std::invoke_result_t<Body&, task_group&> with_task_group(Body body) {
    using result_type = typename std::invoke_result_t<Body&, task_group&>::value_type;
    task_group group;
    std::optional<std::conditional_t<std::is_void_v<result_type>, std::monostate, result_type>> result;
    std::exception_ptr failure;
    bool is_cancelled = false;
    task<> finish = group.finish(failure, is_cancelled);  // made now: once there are tasks, it must not fail
    try {
        if constexpr (std::is_void_v<result_type>) {
            co_await body(group);
        } else {
            result.emplace(co_await body(group));
        }
    } catch (const cancelled_error&) {
        failure = std::current_exception();
        is_cancelled = true;
    } catch (...) {  // raised again by finish, within a group
        failure = std::current_exception();
    }
    co_await std::move(finish);
    if constexpr (!std::is_void_v<result_type>) {
        co_return std::move(*result);
    }
}

}  // namespace gatherd::executor
