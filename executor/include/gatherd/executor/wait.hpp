/// \file
/// Waiting for several tasks at once: asyncio.wait, and what gather and wait_for are made of.
#pragma once

#include <chrono>
#include <coroutine>
#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "gatherd/executor/detail/task_state.hpp"

namespace gatherd::executor {

/// When a wait for several tasks is over.
enum class return_when {
    first_completed,  ///< when any has ended
    first_exception,  ///< when any has failed, or all have ended; as asyncio.wait's, a cancelled one does not count
    first_failure,    ///< as that, and a cancelled one counts: asyncio.gather's
    all_completed,    ///< when all have ended
};

/// What cancelling the waiting task does to the tasks that it waits for.
enum class on_cancel {
    leave,    ///< nothing: the wait itself ends with CancelledError, as asyncio.wait does
    forward,  ///< they are cancelled, and the wait goes on until it is over by its own terms, as asyncio.gather does
};

namespace detail {
class completion_group;
}

/// How a wait ended.
struct wait_result {
    bool over = false;              ///< by its terms; false: the timeout came first
    bool cancel_requested = false;  ///< with on_cancel::forward: a cancellation was passed on meanwhile
    task_ref decisive{};            ///< the task whose end made it over
};

/// Awaits tasks. Nothing happens to them but what on_cancel::forward says.
class [[nodiscard]] wait_awaiter : public wait_point {
public:
    wait_awaiter(std::vector<task_ref> tasks, return_when when, std::optional<std::chrono::nanoseconds> timeout,
                 on_cancel cancelling);
    wait_awaiter(std::span<const task_ref> tasks, return_when when, std::optional<std::chrono::nanoseconds> timeout,
                 on_cancel cancelling);
    wait_awaiter(wait_awaiter&&) noexcept;
    ~wait_awaiter();

    [[nodiscard]] bool await_ready() const noexcept { return false; }
    bool await_suspend(std::coroutine_handle<> at) noexcept {
        return task_state::current().suspend_within_budget(at, *this);
    }
    wait_result await_resume();

    bool arm(task_state& waiter) noexcept override;
    cancellation cancel(task_refs& awaited) noexcept override;

private:
    std::vector<task_ref> tasks_;  // those that it was given to keep
    detail::completion_group* group_;
};

/// `co_await wait(tasks, when, timeout)`: waits, and cancels nothing. Raises cancelled_error when the waiting task is
/// cancelled. Tasks may be named twice. A timeout of at most zero lets each ready task run to its first wait.
inline wait_awaiter wait(std::vector<task_ref> tasks, return_when when = return_when::all_completed,
                         std::optional<std::chrono::nanoseconds> timeout = std::nullopt) {
    return wait_awaiter{std::move(tasks), when, timeout, on_cancel::leave};
}

/// `co_await wait(task)`: waits for one task's end, whatever it is, and raises nothing of it.
inline wait_awaiter wait(task_ref one, std::optional<std::chrono::nanoseconds> timeout = std::nullopt) {
    std::vector<task_ref> tasks;
    tasks.push_back(std::move(one));
    return wait_awaiter{std::move(tasks), return_when::all_completed, timeout, on_cancel::leave};
}

/// `co_await wait_as_gather(tasks, when)`: as wait, but a cancellation goes on to the tasks and the wait with it, so
/// that gather sees how they end. Raises cancelled_error only when the request came after all had ended.
inline wait_awaiter wait_as_gather(std::vector<task_ref> tasks, return_when when) {
    return wait_awaiter{std::move(tasks), when, std::nullopt, on_cancel::forward};
}

/// As above, for tasks that the caller keeps until the await is over.
inline wait_awaiter wait_as_gather(std::span<const task_ref> tasks, return_when when) {
    return wait_awaiter{tasks, when, std::nullopt, on_cancel::forward};
}

}  // namespace gatherd::executor
