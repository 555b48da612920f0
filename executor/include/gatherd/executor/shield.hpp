/// \file
/// Awaiting a task without passing a cancellation on to it: asyncio.shield.
#pragma once

#include <type_traits>
#include <utility>
#include <vector>

#include "gatherd/executor/create_task.hpp"

namespace gatherd::executor {
namespace detail {

/// As task_awaiter; but a cancellation ends the waiting, and leaves the task alone.
class shielded_awaiter : public task_awaiter {
public:
    using task_awaiter::task_awaiter;
    cancellation cancel(task_refs&) noexcept override {
        return leave() ? cancellation::detached : cancellation::too_late;
    }
};

}  // namespace detail

/// What shield gives: the task is kept for as long as this waits.
template <typename T, bool ByValue>
class [[nodiscard]] shielded : public detail::shielded_awaiter {
public:
    explicit shielded(task_handle<T> inner) noexcept
        : shielded_awaiter{std::move(inner).take_ref()},
          target_{static_cast<detail::task_with_result<T>&>(awaited())} {}

    decltype(auto) await_resume() const {
        shielded_awaiter::await_result();
        if constexpr (ByValue) {
            return target_.last_result();
        } else if constexpr (std::is_void_v<T>) {
            static_cast<void>(target_.result());
        } else {
            return target_.result();
        }
    }

private:
    detail::task_with_result<T>& target_;
};

/// `co_await shield(handle)`: as `co_await handle`; but cancelling the awaiting task raises CancelledError there and
/// does not cancel the other task.
template <typename T>
shielded<T, false> shield(const task_handle<T>& inner) {
    return shielded<T, false>{inner};
}

/// As above, for a handle that goes away: the result by value, as awaiting such a handle gives it.
template <typename T>
shielded<T, true> shield(task_handle<T>&& inner) {
    return shielded<T, true>{std::move(inner)};
}

/// As above, for a coroutine, which becomes a task. After a cancellation nobody is told of its end, unless another
/// handle of it exists.
template <typename T>
shielded<T, true> shield(task<T> coroutine) {
    return shielded<T, true>{create_task(std::move(coroutine))};
}

}  // namespace gatherd::executor
