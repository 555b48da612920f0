/// \file
/// Running a coroutine from ordinary code: asyncio.run.
#pragma once

#include <optional>
#include <type_traits>
#include <utility>

#include "gatherd/executor/async_scope.hpp"
#include "gatherd/executor/create_task.hpp"
#include "gatherd/executor/errors.hpp"
#include "gatherd/executor/scheduler.hpp"
#include "gatherd/executor/task_scope.hpp"
#include "gatherd/executor/wait.hpp"

namespace gatherd::executor {

/// How run runs.
struct run_options {
    ordering order = ordering::parallel;

    /// The first SIGINT (Ctrl-C) cancels the main task, and `run` raises keyboard_interrupt when its clean-up is done.
    /// The next SIGINT has the effect that it had before `run`, which for most programs is their end. A main task that
    /// swallows the cancellation and returns gives its result. asyncio.run does all this, since Python 3.11.
    ///
    /// One `run` of the process at a time may handle the signal: a second one throws std::logic_error.
    bool handle_sigint = false;
};

namespace detail {

constexpr const char* no_run_in_a_loop = "run() cannot be called from a running event loop: await the coroutine";

/// Handles SIGINT for one run. The former handler is back after the first signal, and at the end of this.
class sigint_handling {
public:
    /// Throws std::logic_error if there is another.
    sigint_handling();
    sigint_handling(const sigint_handling&) = delete;
    sigint_handling& operator=(const sigint_handling&) = delete;
    ~sigint_handling();

    /// As scope.wait(); a signal cancels `main`. Gives whether that was cancelled. Throws keyboard_interrupt if the
    /// signal came when `main` had ended.
    [[nodiscard]] bool wait(async_scope& scope, task_state& main);
};

}  // namespace detail

/// Runs a coroutine on the scheduler and blocks the calling thread until it has ended, and with it, by cancellation,
/// all tasks that it left behind. Gives its result or raises its exception.
///
/// Throws std::logic_error on a worker of any scheduler, as asyncio.run raises RuntimeError in a running loop: the
/// worker would wait for itself.
template <typename T>
T run(scheduler& pool, task<T> main, run_options options = {}) {
    detail::refuse_worker(detail::no_run_in_a_loop);
    std::optional<detail::sigint_handling> sigint;
    if (options.handle_sigint) {
        sigint.emplace();
    }
    async_scope scope{pool, options.order};
    const task_handle<T> root = scope.spawn(std::move(main));
    if (!sigint) {
        scope.wait();
    } else if (sigint->wait(scope, *root.ref()) && root.cancelled() && root.uncancel() == 0) {
        throw keyboard_interrupt{};
    }
    if constexpr (std::is_void_v<T>) {
        static_cast<void>(root.result());
    } else {
        return root.take();
    }
}

/// As above, in this order.
template <typename T>
T run(scheduler& pool, task<T> main, ordering order) {
    return run(pool, std::move(main), run_options{.order = order});
}

/// As above, on a scheduler of its own with as many workers as the process may use.
template <typename T>
T run(task<T> main, run_options options = {}) {
    detail::refuse_worker(detail::no_run_in_a_loop);
    scheduler own;
    return run(own, std::move(main), options);
}

}  // namespace gatherd::executor
