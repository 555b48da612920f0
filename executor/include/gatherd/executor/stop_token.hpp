/// \file
/// Cancellation for code that knows std::stop_token, and from it.
#pragma once

#include <stop_token>
#include <type_traits>
#include <utility>

#include "gatherd/executor/create_task.hpp"
#include "gatherd/executor/task.hpp"

namespace gatherd::executor {

/// A token of the running task. A stop is requested as soon as somebody cancels the task, even while that computes or
/// waits for to_thread: for code that polls the token, or registers a std::stop_callback. At once if task_state's
/// cancelling() is not 0 already.
///
/// A stop cannot be taken back. After uncancel() has taken back the last request, the next call gives a new token.
///
/// Threads: callbacks run in the thread that cancels, before cancel() returns. Cost: one allocation for each token that
/// can be stopped, the first call another one.
[[nodiscard]] std::stop_token this_stop_token();

/// `co_await cancel_on(token, coroutine)`: awaits the coroutine as a task, which a stop cancels. That raises
/// cancelled_error here, but does not cancel the awaiting task.
template <typename T>
task<T> cancel_on(std::stop_token token, task<T> coroutine) {
    const task_handle<T> inner = create_task(std::move(coroutine));
    const std::stop_callback cancels{std::move(token), [&inner] { inner.cancel(); }};
    if constexpr (std::is_void_v<T>) {
        co_await inner;
    } else {
        static_cast<void>(co_await inner);
        co_return inner.take();
    }
}

}  // namespace gatherd::executor
