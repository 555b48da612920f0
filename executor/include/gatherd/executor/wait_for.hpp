/// \file
/// A coroutine with a time limit: asyncio.wait_for.
#pragma once

#include <chrono>
#include <cstdint>
#include <exception>
#include <new>
#include <optional>
#include <span>
#include <utility>

#include "gatherd/executor/create_task.hpp"
#include "gatherd/executor/sleep.hpp"
#include "gatherd/executor/wait.hpp"

namespace gatherd::executor {

/// Gives whether the task ended in time. If it did not, it is cancelled. Returns when the task has ended, in any case:
/// a task whose clean-up takes long delays this for as long.
///
/// A cancellation of the awaiting task is passed on to the task, also a second one while the task cleans up; it is
/// raised here when the task has ended. A limit of at most zero never starts a task that has not run yet.
inline task<bool> end_within(task_ref watched, std::chrono::nanoseconds limit) {
    if (watched->ended()) {
        co_return true;
    }
    const std::span<const task_ref> tasks{&watched, 1};
    wait_result first;
    if (limit.count() > 0) {
        first = co_await wait_as_gather(tasks, return_when::all_completed, limit);
    }
    std::uint64_t request = first.request;
    if (!first.over) {
        if (request == 0) {
            watched->cancel();
        }
        const wait_result second = co_await wait_as_gather(tasks, return_when::all_completed);
        request = second.cancel_requested ? second.request : request;
    }
    if (request != 0) {
        throw cancelled_error{task_state::current().cancel_message(), request};
    }
    co_return first.over;
}

/// As end_within, but as CPython 3.11's wait_for does it: a second cancellation of the awaiting task, while the task
/// cleans up after the first one or after the limit, ends the waiting. The task may then run on, and use what the
/// awaiting coroutine's frame held. An awaiting task that is cancelled when the task has just ended sees the end, not
/// the cancellation.
inline task<bool> end_within_unjoined(task_ref watched, std::chrono::nanoseconds limit) {
    if (watched->ended()) {
        co_return true;
    }
    std::optional<cancelled_error> cancelled;
    if (limit.count() > 0) {
        try {
            co_await wait(watched, limit);
        } catch (const cancelled_error& error) {
            cancelled = error;
        }
        if (watched->ended()) {
            co_return true;
        }
    }
    task_state::cancel_each({&watched, 1}, {}, cancelled ? cancelled->request() : 0);
    co_await wait(watched);
    if (cancelled) {
        throw *cancelled;
    }
    co_return false;
}

/// `co_await wait_for(coroutine, limit)`: runs the coroutine as a task and gives its result. When the limit passes, it
/// cancels the task, waits for its end and raises timeout_error. A task that swallows the cancellation and returns wins
/// over the timeout, as in asyncio.
///
/// Returns when the task has ended, also when the awaiting task is cancelled, once or several times: so the coroutine
/// may use what its creator's frame holds. See end_within.
template <typename T>
task<T> wait_for(task<T> coroutine, std::chrono::nanoseconds limit) {
    if (limit.count() <= 0) {
        co_await yield();  // asyncio creates the task and cancels it before its first step
        throw timeout_error{};
    }
    const task_handle<T> inner = create_task(std::move(coroutine));
    bool in_time = false;
    std::exception_ptr no_memory;
    try {
        in_time = co_await end_within(inner.ref(), limit);
    } catch (const std::bad_alloc&) {
        no_memory = std::current_exception();
    }
    if (no_memory) {
        inner.cancel();
        co_await await_end(inner.ref());
        std::rethrow_exception(no_memory);
    }
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
