/// \file
/// A coroutine with a time limit: asyncio.wait_for.
#pragma once

#include <chrono>
#include <exception>
#include <utility>

#include "gatherd/executor/create_task.hpp"
#include "gatherd/executor/sleep.hpp"
#include "gatherd/executor/wait.hpp"

namespace gatherd::executor {

/// Whether the task ended in time. When not, or when the awaiting task was cancelled meanwhile, it is cancelled, and
/// has ended when this returns: clean-up takes what it takes. CPython 3.11's wait_for without its result.
///
/// A cancelled awaiter gets cancelled_error, unless the task had ended by then. A limit of at most zero never starts
/// a task that has not run yet.
inline task<bool> end_within(task_ref watched, std::chrono::nanoseconds limit) {
    if (watched->ended()) {
        co_return true;
    }
    std::exception_ptr cancelled;
    if (limit.count() > 0) {
        try {
            co_await wait(watched, limit);
        } catch (const cancelled_error&) {
            cancelled = std::current_exception();
        }
        if (watched->ended()) {
            co_return true;
        }
    }
    watched->cancel();
    co_await wait(watched);
    if (cancelled) {
        std::rethrow_exception(cancelled);
    }
    co_return false;
}

/// `co_await wait_for(coroutine, limit)`: its result; or, when the limit passes, cancels it, waits for its clean-up and
/// raises timeout_error. One that swallows the cancellation and returns wins over the timeout, as in Python.
template <typename T>
task<T> wait_for(task<T> coroutine, std::chrono::nanoseconds limit) {
    if (limit.count() <= 0) {
        co_await yield();  // asyncio creates the task and cancels it before its first step
        throw timeout_error{};
    }
    const task_handle<T> inner = create_task(std::move(coroutine));
    const bool in_time = co_await end_within(inner.ref(), limit);
    if (!in_time && inner.exception()) {
        try {
            std::rethrow_exception(inner.exception());
        } catch (const cancelled_error&) {
            throw timeout_error{};
        }
    }
    if (inner.cancelled()) {
        task_state::current().adopt_cancellation_of(*inner.ref());
    }
    if constexpr (std::is_void_v<T>) {
        static_cast<void>(inner.result());
    } else {
        co_return inner.take();
    }
}

}  // namespace gatherd::executor
