/// \file
/// The first of several coroutines to end wins: asyncio.wait with FIRST_COMPLETED, after which the others are
/// cancelled.
#pragma once

#include <concepts>
#include <exception>
#include <new>
#include <optional>
#include <utility>
#include <vector>

#include "gatherd/executor/cancel_and_wait.hpp"
#include "gatherd/executor/create_task.hpp"
#include "gatherd/executor/errors.hpp"
#include "gatherd/executor/wait.hpp"

namespace gatherd::executor {

/// `co_await race(coroutines)`: runs all of them as tasks, and gives or raises what the first to end gives or raises.
/// The others are cancelled. Returns when all have ended, also when the awaiting task is cancelled; what the others end
/// by is dropped. Throws value_error if there are none.
template <typename T>
task<T> race(std::vector<task<T>> coroutines) {
    if (coroutines.empty()) {
        throw value_error{"a race of none has no winner"};
    }
    std::vector<task_ref> children;
    children.reserve(coroutines.size());
    std::optional<cancelled_error> cancelled;
    std::exception_ptr no_memory;
    task_ref winner;
    try {
        for (task<T>& each : coroutines) {
            const task_handle<T> child = create_task(std::move(each));
            child.ignore_exception();
            children.push_back(child.ref());
        }
        const auto ended = co_await wait(children, return_when::first_completed);
        winner = ended.decisive;
    } catch (const cancelled_error& error) {
        cancelled = error;
    } catch (const std::bad_alloc&) {
        no_memory = std::current_exception();
    }
    if (no_memory) {  // so that nothing here needs any
        task_state::cancel_each(children, {});
        for (const task_ref& each : children) {
            co_await await_end(each);
        }
        std::rethrow_exception(no_memory);
    }
    co_await cancel_and_wait(children, cancelled ? cancelled->request() : 0);
    if (cancelled) {
        throw *cancelled;
    }
    if (winner->cancelled()) {
        task_state::current().adopt_cancellation_of(*winner);
    }
    co_return static_cast<detail::task_with_result<T>&>(*winner).take();
}

/// `co_await race(a(), b())`: the same for coroutines that are listed. All have the same type of result.
template <typename T, std::same_as<task<T>>... Others>
task<T> race(task<T> first, Others... others) {
    std::vector<task<T>> all;
    all.reserve(1 + sizeof...(others));
    all.push_back(std::move(first));
    (all.push_back(std::move(others)), ...);
    return race(std::move(all));
}

}  // namespace gatherd::executor
