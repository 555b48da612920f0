/// \file
/// One call in a tree of forks, without the type of its result.
#pragma once

#include <atomic>
#include <coroutine>
#include <cstdint>
#include <exception>
#include <utility>

#include "gatherd/executor/detail/task_state.hpp"
#include "gatherd/executor/detail/worker.hpp"
#include "gatherd/executor/scheduler.hpp"

namespace gatherd::executor::detail {

/// What await_suspend returns to go on with `next` on this thread. Where the compiler makes no tail call of it, which
/// is in builds without optimisation and under sanitizers, the worker's loop resumes it instead: a recursion of
/// millions of calls must not grow the stack.
inline std::coroutine_handle<> go_on_with(std::coroutine_handle<> next) noexcept {
#if defined(__OPTIMIZE__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
    return next;
#else
    worker::current()->transfer_to(next);
    return std::noop_coroutine();
#endif
}

/// One call in a tree of forks: continuation stealing, as in Cilk-5 ("The Implementation of the Cilk-5 Multithreaded
/// Language", Frigo, Leiserson, Randall, PLDI 1998). A fork leaves the parent's continuation in the worker's queue and
/// goes on with the child. When the child ends and finds the continuation still there, nobody else ever knew of it, and
/// the join costs nothing. Else a thief has it, and the two meet in `outstanding_`.
///
/// Edges  J   child: outstanding_ sub, acq_rel  ->  join: outstanding_ add, acq_rel (or the other way round): who comes
///            last goes on, and sees what the other wrote: results and failure
///
/// One thread at a time runs a call; what is not atomic here is that thread's.
class fork_frame : public work {
public:
    enum class entry : std::uint8_t { called, forked, root };

    fork_frame() noexcept : work{&go_on_elsewhere} {}

    /// Called by a child at its end, with what made it fail. The first failure is kept.
    void fail(std::exception_ptr failure) noexcept {
        auto* kept = new std::exception_ptr{std::move(failure)};
        std::exception_ptr* none = nullptr;
        if (!failure_.compare_exchange_strong(none, kept, std::memory_order_relaxed)) {  // J publishes it
            delete kept;
        }
    }
    /// Forgets a failure that nobody will be told: the awaiting task was cancelled.
    void drop_failure() noexcept { delete failure_.exchange(nullptr, std::memory_order_relaxed); }  // J

    void raise_failure() {
        if (failure_.load(std::memory_order_relaxed) != nullptr) [[unlikely]] {  // J
            raise_kept_failure();
        }
    }

    [[nodiscard]] bool is_open() const noexcept { return is_open_; }

    /// Leaves the continuation to thieves. By the end of this it may run on another thread.
    [[nodiscard]] std::coroutine_handle<> fork_to(std::coroutine_handle<> continuation, fork_frame& child,
                                                  std::coroutine_handle<> child_at) noexcept {
        at_ = continuation;
        is_open_ = true;
        worker& here = *worker::current();
        if (!here.try_push_spawned(*this)) [[unlikely]] {  // the deque is full of forks: this one is a plain call
            child.entered_by = entry::called;
            return go_on_with(child_at);
        }
        here.owner().wake_one();
        if (here.may_fork()) [[likely]] {
            return go_on_with(child_at);
        }
        return put_off(here, child, child_at);
    }

    [[nodiscard]] std::coroutine_handle<> call_to(std::coroutine_handle<> continuation,
                                                  std::coroutine_handle<> child_at) noexcept {
        at_ = continuation;
        return go_on_with(child_at);
    }

    /// A child that this one forked has ended, and another thread has the continuation: what goes on here.
    [[nodiscard]] std::coroutine_handle<> meet_at_join() noexcept {
        if (outstanding_.fetch_sub(1, std::memory_order_acq_rel) == 1) {  // J: it waits, and we are the last
            return go_on_with(at_);
        }
        return std::noop_coroutine();
    }

    [[nodiscard]] std::coroutine_handle<> continuation() const noexcept { return at_; }

    [[nodiscard]] bool has_nothing_outstanding() const noexcept { return taken_ == 0; }

    /// At the join, with children elsewhere. True: it waits; the last child goes on with it.
    [[nodiscard]] bool waits_at_join(std::coroutine_handle<> continuation) noexcept {
        at_ = continuation;
        const std::int32_t taken = std::exchange(taken_, 0);
        return outstanding_.fetch_add(taken, std::memory_order_acq_rel) + taken != 0;  // J
    }
    void close() noexcept { is_open_ = false; }

    /// Begins in a worker's loop instead of in a fork.
    void start_at(std::coroutine_handle<> beginning) noexcept {
        at_ = beginning;
        run = &start;
    }

    fork_frame* parent = nullptr;

private:
    static void start(work& item) noexcept {
        item.run = &go_on_elsewhere;
        static_cast<fork_frame&>(item).resume();
    }

    /// A thief, or the worker itself after a poll, goes on with what was left in the queue.
    static void go_on_elsewhere(work& item) noexcept {
        auto& frame = static_cast<fork_frame&>(item);
        ++frame.taken_;
        frame.resume();
    }

    /// In a worker's loop. What it leads to may end the frame.
    void resume() noexcept {
        worker& here = *worker::current();
        here.order_spawned();  // nothing but a task lies between what this pushes and what it takes back
        here.run_coroutine(at_);
    }

    [[noreturn]] void raise_kept_failure();

    /// The worker polls first: the child stands in the queue, above its parent.
    [[gnu::noinline, gnu::cold]] static std::coroutine_handle<> put_off(worker& here, fork_frame& child,
                                                                        std::coroutine_handle<> child_at) noexcept {
        child.start_at(child_at);
        return here.try_push_spawned(child) ? std::noop_coroutine() : go_on_with(child_at);
    }

    std::coroutine_handle<> at_;
    std::int32_t taken_ = 0;                    // continuations that others went on with, since the last join
    std::atomic<std::int32_t> outstanding_{0};  // less children that ended by themselves; at a join plus taken_
    bool is_open_ = false;                      // it forked since its last join

public:
    entry entered_by = entry::called;

private:
    std::atomic<std::exception_ptr*> failure_{nullptr};  // of the first child that failed; owned until it is raised
};

/// Where a tree of forks meets the task that awaits it.
class fork_root : public fork_frame {
public:
    [[nodiscard]] std::coroutine_handle<> ended() noexcept {
        waiter_->resume();  // by the end of this the root may be gone
        return std::noop_coroutine();
    }

protected:
    fork_root() = default;
    ~fork_root() { drop_failure(); }

    task_state* waiter_ = nullptr;
};

[[noreturn]] void fork_without_join() noexcept;

}  // namespace gatherd::executor::detail
