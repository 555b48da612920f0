/// \file
/// Tasks in the order in which they end: asyncio.as_completed.
#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <utility>
#include <vector>

#include "gatherd/executor/create_task.hpp"
#include "gatherd/executor/semaphore.hpp"

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

/// The ends of tasks, in order, without the type of their results. Counted: ends and the timer may still be on their
/// way when nobody wants them any more.
class completion_order;

/// Its one owner, and the awaiter's way to it.
class completion_order_owner {
public:
    completion_order_owner(std::vector<task_ref> tasks, std::optional<std::chrono::nanoseconds> timeout);
    completion_order_owner(completion_order_owner&& other) noexcept : order_{std::exchange(other.order_, nullptr)} {}
    completion_order_owner& operator=(completion_order_owner&&) = delete;
    ~completion_order_owner();

    /// A permit for each task that has ended, and when time has run out for each that has not.
    [[nodiscard]] semaphore& ready() const noexcept;

    /// With such a permit: which task ended, in the order given. Throws timeout_error when it is one of time.
    [[nodiscard]] std::size_t take() const;

private:
    completion_order* order_;
};

}  // namespace detail

/// What as_completed gives. While `remaining() > 0`, `co_await next()` gives the next handle.
///
/// Going away before all have ended is fine, and does nothing to the tasks. Threads: for one task at a time.
template <typename T>
class [[nodiscard]] completions {
public:
    completions(std::vector<task_handle<T>> tasks, std::optional<std::chrono::nanoseconds> timeout)
        : order_{detail::references_to(tasks), timeout}, remaining_{tasks.size()}, tasks_{std::move(tasks)} {}

    /// How many times next may be called.
    [[nodiscard]] std::size_t remaining() const noexcept { return remaining_; }

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
    detail::completion_order_owner order_;
    std::size_t remaining_;
    std::vector<task_handle<T>> tasks_;
};

template <typename T>
class [[nodiscard]] completions<T>::next_awaiter : public semaphore::acquire_awaiter {
public:
    explicit next_awaiter(completions& of) noexcept : acquire_awaiter{of.order_.ready()}, of_{of} {}

    task_handle<T> await_resume() const {
        acquire_awaiter::await_resume();
        --of_.remaining_;
        return of_.tasks_[of_.order_.take()];
    }
    [[nodiscard]] const char* kind() const noexcept override { return "as_completed"; }

private:
    completions& of_;
};

/// Tasks as they end; the time, if there is one, counts from this call. Nothing is cancelled when it runs out. Only
/// inside a task.
template <typename T>
completions<T> as_completed(std::vector<task_handle<T>> tasks,
                            std::optional<std::chrono::nanoseconds> timeout = std::nullopt) {
    return {std::move(tasks), timeout};
}

/// As above, for coroutines, which become tasks.
template <typename T>
completions<T> as_completed(std::vector<task<T>> coroutines,
                            std::optional<std::chrono::nanoseconds> timeout = std::nullopt) {
    std::vector<task_handle<T>> tasks;
    tasks.reserve(coroutines.size());
    for (auto& each : coroutines) {
        tasks.push_back(create_task(std::move(each)));
    }
    return {std::move(tasks), timeout};
}

}  // namespace gatherd::executor
