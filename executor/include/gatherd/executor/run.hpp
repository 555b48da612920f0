/// \file
/// Running a coroutine from ordinary code: asyncio.run.
#pragma once

#include <future>
#include <utility>

#include "gatherd/executor/create_task.hpp"
#include "gatherd/executor/scheduler.hpp"
#include "gatherd/executor/task_scope.hpp"
#include "gatherd/executor/wait.hpp"

namespace gatherd::executor {
namespace detail {

/// The scope of one run(): it closes when its root has ended, and the calling thread waits until it has drained.
class run_scope final : public task_scope, private continuation {
public:
    run_scope(scheduler& on, ordering order) : task_scope{on, order}, continuation{&ended} {}

    /// Before the root's start.
    void close_after(const task_ref& root) noexcept { root->add_continuation(*this); }
    void wait_until_drained() { drained_.get_future().wait(); }

private:
    static void ended(continuation& self, task_state&) noexcept { static_cast<run_scope&>(self).close(); }
    void on_drained() noexcept override { drained_.set_value(); }
    std::promise<void> drained_;
};

}  // namespace detail

/// Runs a coroutine on the scheduler and blocks the calling thread until it has ended, and with it, by cancellation,
/// all tasks that it left behind. Gives its result or raises its exception. Not from a worker.
template <typename T>
T run(scheduler& on, task<T> main, ordering order = ordering::parallel) {
    detail::run_scope scope{on, order};
    const task_handle<T> root = prepare_task_in(scope, std::move(main));
    scope.close_after(root.ref());
    root.start(false);
    scope.wait_until_drained();
    if constexpr (std::is_void_v<T>) {
        static_cast<void>(root.result());
    } else {
        return root.take();
    }
}

/// As above, on a scheduler of its own with as many workers as the process may use.
template <typename T>
T run(task<T> main) {
    scheduler own;
    return run(own, std::move(main));
}

}  // namespace gatherd::executor
