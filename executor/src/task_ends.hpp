/// \file
/// The ends of several tasks, counted and kept in order: what wait, as_completed and task_group are made of.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "gatherd/executor/detail/frame_pool.hpp"
#include "gatherd/executor/detail/spin_lock.hpp"
#include "gatherd/executor/detail/task_state.hpp"
#include "gatherd/executor/detail/timer_wheel.hpp"
#include "gatherd/executor/wait.hpp"

namespace gatherd::executor::detail {

/// A set of tasks whose ends one task waits for. It has one owner, which calls leave() instead of deleting it: an end
/// or the timer may still be on its way then, and the last of them deletes the object.
///
/// State       left_ tasks run, the others are in the list of ends, in order. decisive_ is the end that made the wait
///             over: the first one, the first failure, or the last one, as return_when says. When all have ended or
///             time has run out the wait is over in any case.
///
/// Invariants  I1  users_ counts the owner, the running timer, and each task whose end has not been dealt with. Whoever
///                 brings it to 0 deletes the object.
///             I2  whoever clears is_waiting_ resumes the waiter, or is the cancel that detaches it
///             I3  once the set is closed, or time has run out, the list of running tasks does not change
///
/// Threads: add() and the ends from any; the rest is for the owner's task. One allocation for the set and one for each
/// task. Lock order: the waiter's lock, then this one, under which no other is taken.
class task_ends : public wait_point, public pooled, private timer_node {
public:
    /// `timeout`: counted from the beginning of the wait, or from start_timer().
    explicit task_ends(return_when when, std::optional<std::chrono::nanoseconds> timeout = std::nullopt,
                       on_cancel cancelling = on_cancel::leave, const char* name = "wait") noexcept
        : timer_node{&timed_out}, when_{when}, cancelling_{cancelling}, timeout_{timeout}, name_{name} {}
    task_ends(const task_ends&) = delete;
    task_ends& operator=(const task_ends&) = delete;

    /// Counts the end of one more task. False: the set is closing and all others have ended. Throws std::bad_alloc.
    bool add(const task_ref& task);

    /// All tasks have been added: from now on the last end may decide.
    void all_added() noexcept;

    /// No task is added any more once all have ended.
    void close_when_empty() noexcept;

    /// When the timeout has passed, no more ends count and the wait is over. Without a timeout this does nothing.
    void start_timer(task_scope& scope) noexcept;

    /// The owner gives the set up; nothing happens to the tasks.
    void leave() noexcept;

    [[nodiscard]] bool forwards() const noexcept { return cancelling_ == on_cancel::forward; }

    bool arm(task_state& waiter) noexcept override;
    cancellation cancel(task_refs& awaited) noexcept override;
    void describe(wait_description& description) noexcept override;

    /// How the wait ended, or what is known so far.
    [[nodiscard]] wait_result result() noexcept;

    /// Takes the first task out of the list of ends; null if the list is empty.
    [[nodiscard]] task_ref take() noexcept;

    /// Adds all tasks that have not ended.
    void running(task_refs& tasks) noexcept;

protected:
    virtual ~task_ends();

    /// A task has ended; its end is counted after this. False: the set need not keep it.
    virtual bool is_kept(task_state& /*task*/) noexcept { return true; }

private:
    struct end : continuation, pooled {
        end(task_ends& set, const task_ref& watched) noexcept : continuation{&fired}, owner{set}, task{watched} {}
        task_ends& owner;
        const task_ref task;
        end* next_end = nullptr;  // in the list that it is in
        end* previous_end = nullptr;
    };
    struct end_list {
        void push(end& last_one) noexcept;
        void remove(end& leaving) noexcept;
        end* first = nullptr;
        end* last = nullptr;
    };

    static void fired(continuation& self, task_state& task) noexcept;
    static void timed_out(timer_node& self) noexcept;
    void count(end& ended, task_state& task) noexcept;
    void finish(task_state* waiter, bool is_last) noexcept;
    [[nodiscard]] bool decides(const task_state& task) const noexcept;
    [[nodiscard]] bool is_over() const noexcept;
    [[nodiscard]] task_state* take_waiter() noexcept;

    const return_when when_;
    const on_cancel cancelling_;
    const std::optional<std::chrono::nanoseconds> timeout_;
    const char* const name_;  // for dump_tasks
    bool has_timer_ = false;  // the owner's

    spin_lock lock_;
    bool is_waiting_ = false;  // under lock_, as all below
    bool is_adding_ = true;
    bool is_closing_ = false;
    bool is_closed_ = false;
    bool has_timed_out_ = false;
    std::size_t users_ = 1;
    std::size_t left_ = 0;
    std::size_t added_ = 0;
    std::uint64_t request_ = 0;  // the newest that was passed on
    task_state* waiter_ = nullptr;
    end* decisive_ = nullptr;
    end_list running_;  // oldest first
    end_list ended_;    // in the order in which they ended
};

}  // namespace gatherd::executor::detail
