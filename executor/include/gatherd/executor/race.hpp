/// \file
/// The first of several coroutines to end wins. asyncio has no name for it; it is its wait(FIRST_COMPLETED), with the
/// rest cancelled.
#pragma once

#include <concepts>
#include <optional>
#include <utility>
#include <vector>

#include "gatherd/executor/cancel_and_wait.hpp"
#include "gatherd/executor/create_task.hpp"
#include "gatherd/executor/errors.hpp"
#include "gatherd/executor/wait.hpp"

namespace gatherd::executor {
namespace detail {

/// Children of one call that looks at all of them: one that fails after the first is nobody's to report, as in asyncio.
template <typename T>
std::vector<task_ref> start_all(std::vector<task<T>> coroutines) {
    std::vector<task_ref> children;
    children.reserve(coroutines.size());
    for (auto& each : coroutines) {
        auto child = create_task(std::move(each));
        child.ignore_exception();
        children.push_back(std::move(child).take_ref());
    }
    return children;
}

}  // namespace detail

/// `co_await race(coroutines)`: all run as tasks; what the first to end gives or raises. The others are cancelled, and
/// have ended when this does: also when the awaiting task is cancelled. Throws value_error for none.
template <typename T>
task<T> race(std::vector<task<T>> coroutines) {
    if (coroutines.empty()) {
        throw value_error{"a race of none has no winner"};
    }
    const std::vector<task_ref> children = detail::start_all(std::move(coroutines));
    std::optional<cancelled_error> cancelled;
    task_ref winner;
    try {
        const auto ended = co_await wait(children, return_when::first_completed);
        winner = ended.decisive;
    } catch (const cancelled_error& error) {
        cancelled = error;
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

/// `co_await race(a(), b())`: as above, of coroutines with the same type of result.
template <typename T, std::same_as<task<T>>... Others>
task<T> race(task<T> first, Others... others) {
    std::vector<task<T>> all;
    all.reserve(1 + sizeof...(others));
    all.push_back(std::move(first));
    (all.push_back(std::move(others)), ...);
    return race(std::move(all));
}

}  // namespace gatherd::executor
