/// \file
/// Tasks that end together: asyncio.TaskGroup.
#pragma once

#include <atomic>
#include <cstdint>
#include <exception>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>

#include "gatherd/executor/create_task.hpp"
#include "gatherd/executor/detail/task_state.hpp"
#include "gatherd/executor/errors.hpp"
#include "gatherd/executor/task.hpp"
#include "gatherd/executor/wait.hpp"

namespace gatherd::executor {

/// Tasks that a coroutine starts and waits for. When a task of the group or the body fails, all others are cancelled,
/// the body too; a task that is cancelled by others just ends. Made by with_task_group.
///
/// After CPython 3.11's asyncio/taskgroups.py. As there, the group takes back the cancellation by which it woke its own
/// body (task_state::uncancel), and lets one from elsewhere through. Here it does so when all tasks have ended, as
/// CPython 3.13 does: until then one of them may still ask. And a failure cancels the others at once, where asyncio
/// lets those that are ready run on to where they wait next.
///
/// A handle that create_task gave keeps the task's result, and may be read after the group has ended: no second
/// collection of results is needed.
///
/// Threads: create_task is safe from any while the group has not ended. A task costs one allocation more than
/// otherwise.
class task_group {
public:
    /// In the running task, the parent.
    task_group();
    task_group(const task_group&) = delete;
    task_group& operator=(const task_group&) = delete;

    /// Starts a coroutine as a task of the group. While the group shuts down the task is cancelled before its first
    /// step, as if it had been created just before: a failure may come while the body starts its tasks. On asyncio's
    /// one thread it cannot, and there this is an error. Throws std::logic_error when the group has ended.
    template <typename T>
    task_handle<T> create_task(task<T> coroutine, std::string_view name = {}) {
        task_handle<T> handle = prepare_task_in(parent_->scope(), std::move(coroutine), name);
        try {
            start(handle.ref());
        } catch (const std::bad_alloc&) {
            handle.abandon();
            throw;
        }
        return handle;
    }

    /// For with_task_group, once, and to be awaited when the body has ended: waits for all tasks and raises what the
    /// group raises. `failure` or `cancellation` is what the body raised until then.
    task<> finish(std::exception_ptr& failure, std::optional<cancelled_error>& cancellation);

private:
    class members;

    void start(const task_ref& task);
    [[nodiscard]] bool begin_to_abort(bool for_a_failure) noexcept;
    void cancel_all(bool and_parent, std::uint64_t request = 0) noexcept;

    const task_ref parent_;
    std::atomic<bool> aborting_{false};
    bool parent_cancel_requested_ = false;  // written by the one who aborts, read when all have ended
    const detail::task_ends_owner members_;
};

namespace detail {

/// What keeps a result until it is returned.
template <typename T>
using stored_result = std::conditional_t<
    std::is_void_v<T>, std::monostate,
    std::conditional_t<std::is_reference_v<T>, std::reference_wrapper<std::remove_reference_t<T>>, T>>;

}  // namespace detail

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
    std::optional<detail::stored_result<result_type>> result;
    std::exception_ptr failure;
    std::optional<cancelled_error> cancellation;
    task<> finish = group.finish(failure, cancellation);  // made now: once there are tasks, it must not fail
    try {
        if constexpr (std::is_void_v<result_type>) {
            co_await body(group);
        } else {
            result.emplace(co_await body(group));
        }
    } catch (const cancelled_error& error) {
        cancellation = error;
    } catch (...) {  // raised again by finish, within a group
        failure = std::current_exception();
    }
    co_await std::move(finish);
    if constexpr (std::is_reference_v<result_type>) {
        co_return result->get();
    } else if constexpr (!std::is_void_v<result_type>) {
        co_return std::move(*result);
    }
}

}  // namespace gatherd::executor
