/// \file
/// A ready-made owner of tasks that are started from outside of any task.
#pragma once

#include <atomic>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "gatherd/executor/create_task.hpp"
#include "gatherd/executor/detail/frame_pool.hpp"
#include "gatherd/executor/scheduler.hpp"
#include "gatherd/executor/task.hpp"
#include "gatherd/executor/task_scope.hpp"

namespace gatherd::executor {

namespace detail {

class scope_end;
class sigint_handling;

/// Throws std::logic_error with this text if a worker calls: one that blocks keeps all of its tasks waiting.
void refuse_worker(const char* rule);

}  // namespace detail

/// Owns tasks that any thread may spawn, and waits for their end. asyncio has no such type: there the running loop owns
/// all tasks. In a coroutine, with_task_group is the better owner, since it cannot be left without a wait.
///
/// A scope is joined once, by `join` in a task or by `wait` in a thread. That waits until all spawned tasks have ended,
/// and those that tasks of the scope spawn meanwhile. What these have created and left behind is cancelled and awaited,
/// as run does. From then on `spawn` throws.
///
/// The destructor of a scope that was not joined cancels its tasks and blocks until they have ended. On a worker that
/// would be a deadlock: there it ends the program with a message, even if all tasks have ended.
///
/// Threads: all members are safe from any thread. A spawned task costs one allocation more than a created one.
class async_scope : private task_scope {
public:
    explicit async_scope(scheduler& pool, ordering order = ordering::parallel);
    ~async_scope();

    /// Starts a coroutine as a task of this scope. Throws std::logic_error when the scope has been joined.
    template <typename T>
    task_handle<T> spawn(task<T> coroutine, std::string_view name = {}) {
        auto node = enter();
        task_handle<T> handle = prepare_task_in(*this, std::move(coroutine), name);
        handle.ref()->add_continuation(*node.release());
        handle.start(false);
        return handle;
    }

    /// `co_await scope.join()`: waits for the end of all tasks, in a task of another scope. A cancellation of the
    /// awaiting task cancels the tasks of the scope, and is raised when they have ended.
    [[nodiscard]] task<> join();

    /// The same for a thread, which blocks. Throws std::logic_error on a worker.
    void wait();

    /// Cancels all tasks of this moment. The scope stays open.
    void cancel(const std::string& message = {}) noexcept { cancel_all(message); }

    using task_scope::size;

private:
    friend class detail::sigint_handling;

    /// Counts one spawned task for as long as it lives.
    struct member : continuation, pooled {
        explicit member(async_scope& owner) noexcept : continuation{&ended}, scope{owner} {}
        member(const member&) = delete;
        member& operator=(const member&) = delete;
        ~member() { scope.leave(); }
        static void ended(continuation& self, task_state&) noexcept { delete &static_cast<member&>(self); }
        async_scope& scope;
    };

    [[nodiscard]] std::unique_ptr<member> enter();
    void leave() noexcept;
    void begin_to_join() noexcept;
    void on_drained() noexcept override;

    std::atomic<std::size_t> live_{1};  // spawned tasks that have not ended, and one until the scope is joined
    std::atomic<bool> is_joining_{false};
    const std::shared_ptr<detail::scope_end> end_;  // shared with who waits and who tells: the scope may be gone
};

}  // namespace gatherd::executor
