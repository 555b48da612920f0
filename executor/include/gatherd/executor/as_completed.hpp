/// \file
/// Tasks in the order in which they end: asyncio.as_completed.
#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <span>
#include <vector>

#include "gatherd/executor/create_task.hpp"
#include "gatherd/executor/errors.hpp"
#include "gatherd/executor/wait.hpp"

namespace gatherd::executor {
namespace detail {

template <typename T>
std::vector<task_ref> references_to(const std::vector<task_handle<T>>& tasks) {
    std::vector<task_ref> refs;
    refs.reserve(tasks.size());
    for (const auto& each : tasks) {
        refs.push_back(each.ref());
    }
    return refs;
}

/// Listens from now on; the timeout counts from now.
task_ends_owner ends_in_order(std::span<const task_ref> tasks, std::optional<std::chrono::nanoseconds> timeout);

/// One more. Throws std::bad_alloc.
void add_end(task_ends& ends, const task_ref& task);

/// The task that ended first of those that were not taken, or null: none has, or time has run out.
[[nodiscard]] task_ref take_ended(task_ends& ends) noexcept;

}  // namespace detail

/// What as_completed gives. While `remaining() > 0`, `co_await next()` gives the next handle.
///
/// Destroying it before all tasks have ended is fine, and does nothing to the tasks. Threads: for one task at a time.
template <typename T>
class [[nodiscard]] completions {
public:
    completions(const std::vector<task_handle<T>>& tasks, std::optional<std::chrono::nanoseconds> timeout)
        : ends_{detail::ends_in_order(detail::references_to(tasks), timeout)}, remaining_{tasks.size()} {}

    /// How many times next may be called.
    [[nodiscard]] std::size_t remaining() const noexcept { return remaining_; }

    /// One more task, whose end is given too. Not while next() waits. Throws std::bad_alloc.
    void add(const task_handle<T>& task) {
        detail::add_end(*ends_, task.ref());
        ++remaining_;
    }

    /// The next handle if a task has ended that was not given; else an empty one.
    [[nodiscard]] task_handle<T> try_next() noexcept {
        const task_ref ended = detail::take_ended(*ends_);
        if (!ended) {
            return {};
        }
        --remaining_;
        return task_handle<T>{static_cast<detail::task_with_result<T>&>(*ended)};
    }

    class next_awaiter;

    /// Waits for the next end: the handle of a task that has ended. Raises timeout_error, each time, when the time ran
    /// out before; cancelled_error when cancelled, and then misses none. Throws value_error when none is left.
    [[nodiscard]] next_awaiter next() {
        if (remaining_ == 0) {
            throw value_error{"all tasks were given"};
        }
        return next_awaiter{*this};
    }

private:
    detail::task_ends_owner ends_;
    std::size_t remaining_;
};

template <typename T>
class [[nodiscard]] completions<T>::next_awaiter : public detail::ends_awaiter {
public:
    explicit next_awaiter(completions& source) noexcept : ends_awaiter{*source.ends_}, source_{source} {}

    task_handle<T> await_resume() const {
        ends_awaiter::await_resume();
        --source_.remaining_;
        const task_ref ended = detail::take_ended(ends_);
        if (!ended) {
            throw timeout_error{};
        }
        return task_handle<T>{static_cast<detail::task_with_result<T>&>(*ended)};
    }

private:
    completions& source_;
};

/// `auto ends = as_completed(tasks, timeout)`: tasks as they end. The timeout counts from this call; when it has
/// passed, nothing is cancelled. It starts and ends no task: whoever made the tasks is to wait for them. Only inside a
/// task.
template <typename T>
completions<T> as_completed(const std::vector<task_handle<T>>& tasks,
                            std::optional<std::chrono::nanoseconds> timeout = std::nullopt) {
    return {tasks, timeout};
}

}  // namespace gatherd::executor
