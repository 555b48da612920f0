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
template <typename T>
class [[nodiscard]] shielded : public detail::shielded_awaiter {
public:
    explicit shielded(task_handle<T> inner) noexcept : shielded_awaiter{inner.ref()}, inner_{std::move(inner)} {}

    decltype(auto) await_resume() const {
        shielded_awaiter::await_result();
        if constexpr (std::is_void_v<T>) {
            static_cast<void>(inner_.result());
        } else {
            return inner_.result();
        }
    }

private:
    task_handle<T> inner_;
};

/// `co_await shield(handle)`: as `co_await handle`; but cancelling the awaiting task raises CancelledError there and
/// lets the other one run on.
template <typename T>
shielded<T> shield(task_handle<T> inner) {
    return shielded<T>{std::move(inner)};
}

/// As above, for a coroutine, which becomes a task. Without another handle nobody hears of its end after a
/// cancellation.
template <typename T>
shielded<T> shield(task<T> coroutine) {
    return shielded<T>{create_task(std::move(coroutine))};
}

}  // namespace gatherd::executor
