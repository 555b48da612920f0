/// \file
/// Waiting for several tasks at once: asyncio.wait, and what gather and wait_for are made of.
#pragma once

#include <chrono>
#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <utility>

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

class task_ends;

struct leave_ends {
    void operator()(task_ends* set) const noexcept;
};
using task_ends_owner = std::unique_ptr<task_ends, leave_ends>;

/// Waits until the wait of a set is over. Raises cancelled_error.
class ends_awaiter {
public:
    using native_awaiter = void;

    explicit ends_awaiter(task_ends& awaited) noexcept : ends_{awaited} {}
    [[nodiscard]] bool await_ready() const noexcept { return false; }
    bool await_suspend(detail::awaiting_coroutine at) noexcept;
    void await_resume() const { task_state::current().throw_if_cancelled(); }

protected:
    task_ends& ends_;
};

/// `kind`: when the wait is over. `name`: what dump_tasks calls it, a literal.
task_ends_owner ends_of(std::span<const task_ref> tasks, return_when kind,
                        std::optional<std::chrono::nanoseconds> timeout, on_cancel cancelling = on_cancel::leave,
                        const char* name = "wait");

}  // namespace detail

/// How a wait ended.
struct wait_result {
    bool over = false;              ///< by its terms; false: the timeout came first
    bool cancel_requested = false;  ///< with on_cancel::forward: a cancellation was passed on meanwhile
    std::uint64_t request = 0;      ///< and the number of that request
    task_ref decisive{};            ///< the task whose end made it over
};

/// What wait and wait_as_gather give: to be awaited.
class [[nodiscard]] wait_awaiter : public detail::ends_awaiter {
public:
    explicit wait_awaiter(detail::task_ends_owner ends) noexcept : ends_awaiter{*ends}, owner_{std::move(ends)} {}
    wait_result await_resume() const;

private:
    detail::task_ends_owner owner_;
};

/// `co_await wait(tasks, when, timeout)`: waits for tasks, and does nothing to them. Raises cancelled_error when the
/// waiting task is cancelled. The same task may be given twice. A timeout of at most zero lets each ready task run to
/// its first wait. Of no tasks it returns at once.
inline wait_awaiter wait(std::span<const task_ref> tasks, return_when when = return_when::all_completed,
                         std::optional<std::chrono::nanoseconds> timeout = std::nullopt) {
    return wait_awaiter{detail::ends_of(tasks, when, timeout)};
}

/// `co_await wait(task)`: waits for the end of one task, and raises nothing of it.
inline wait_awaiter wait(const task_ref& one, std::optional<std::chrono::nanoseconds> timeout = std::nullopt) {
    return wait({&one, 1}, return_when::all_completed, timeout);
}

/// `co_await wait_as_gather(tasks, when, timeout)`: as wait, but a cancellation of the waiting task is passed on to the
/// tasks, and the wait goes on until they have ended as `when` says: the caller sees how they end. Raises
/// cancelled_error only when the request came after all had ended.
inline wait_awaiter wait_as_gather(std::span<const task_ref> tasks, return_when when,
                                   std::optional<std::chrono::nanoseconds> timeout = std::nullopt) {
    return wait_awaiter{detail::ends_of(tasks, when, timeout, on_cancel::forward)};
}

}  // namespace gatherd::executor
