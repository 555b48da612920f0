/// \file
/// Handing a coroutine to the workers from a thread that needs its result: asyncio.run_coroutine_threadsafe.
#pragma once

#include <chrono>
#include <exception>
#include <future>
#include <optional>
#include <string>
#include <utility>

#include "gatherd/executor/async_scope.hpp"
#include "gatherd/executor/create_task.hpp"
#include "gatherd/executor/errors.hpp"

namespace gatherd::executor {

/// The result of a task, for threads that are no workers: Python's concurrent.futures.Future. Copies mean the same
/// task.
///
/// Threads: all members are safe from any thread. Those that block throw std::logic_error on a worker, where a task
/// awaits the handle that async_scope::spawn gives.
template <typename T = void>
class concurrent_future {
public:
    explicit concurrent_future(task_handle<T> task) : task_{std::move(task)} {
        std::promise<void> ended;
        end_ = ended.get_future().share();
        task_.add_done_callback([ended = std::move(ended)](const task_handle<T>&) mutable { ended.set_value(); });
    }

    [[nodiscard]] bool done() const noexcept { return task_.done(); }

    /// Whether the task was cancelled. False until it has ended.
    [[nodiscard]] bool cancelled() const noexcept { return task_.done() && task_.cancelled(); }

    /// Cancels the task. False: it has ended.
    bool cancel(const std::string& message = {}) const noexcept { return task_.cancel(message); }

    /// Blocks until the task has ended, or for so long. False: the time is over.
    bool wait(std::optional<std::chrono::nanoseconds> limit = {}) const {
        detail::refuse_worker("a concurrent_future would block a worker: await a task_handle instead");
        if (limit) {
            return end_.wait_for(*limit) == std::future_status::ready;
        }
        end_.wait();
        return true;
    }

    /// Blocks until the task has ended. Its result, or raises its exception, cancelled_error included. Throws
    /// timeout_error after `limit`, and the task runs on.
    decltype(auto) result(std::optional<std::chrono::nanoseconds> limit = {}) const {
        require(limit);
        return task_.result();
    }

    /// The same for the exception that the task ended by, or null.
    [[nodiscard]] std::exception_ptr exception(std::optional<std::chrono::nanoseconds> limit = {}) const {
        require(limit);
        return task_.exception();
    }

private:
    void require(std::optional<std::chrono::nanoseconds> limit) const {
        if (!wait(limit)) {
            throw timeout_error{};
        }
    }

    task_handle<T> task_;
    std::shared_future<void> end_;
};

/// Starts a coroutine as a task of the scope, from any thread. Throws as async_scope::spawn.
template <typename T>
[[nodiscard]] concurrent_future<T> run_coroutine_threadsafe(async_scope& scope, task<T> coroutine) {
    return concurrent_future<T>{scope.spawn(std::move(coroutine))};
}

}  // namespace gatherd::executor
