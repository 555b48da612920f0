/// \file
/// Tasks that stand in line: the waiters of a semaphore, an event, a future.
#pragma once

#include <coroutine>
#include <cstddef>
#include <utility>
#include <vector>

#include "gatherd/executor/detail/misuse.hpp"
#include "gatherd/executor/detail/spin_lock.hpp"
#include "gatherd/executor/detail/task_state.hpp"
#include "gatherd/executor/errors.hpp"

namespace gatherd::executor {

/// An intrusive queue of waiting tasks, first in, first out. Who has something for a task calls its place out of the
/// line under the lock, and resumes it without.
///
/// Threads: none of its own; every member is called under the lock of whoever has the line, but for resume_all. It must
/// outlive those who stand in it: destroying it under them ends the program.
class wait_queue {
public:
    class place;

    wait_queue() noexcept = default;
    wait_queue(const wait_queue&) = delete;
    wait_queue& operator=(const wait_queue&) = delete;
    ~wait_queue() {
        if (!empty()) {
            end_for_misuse("destroyed while a task waits for it");
        }
    }

    [[nodiscard]] bool empty() const noexcept { return first_ == nullptr; }
    [[nodiscard]] std::size_t size() const noexcept { return size_; }

    /// To the end of the line.
    void push(place& last) noexcept;

    /// Out of the line, uncalled.
    void remove(place& leaving) noexcept;

    /// Calls the first, or gives null. It must be resumed.
    [[nodiscard]] place* call_first() noexcept;

    /// Calls all, as a chain in their order, or gives null. They must be resumed.
    [[nodiscard]] place* call_all() noexcept;

    /// Resumes what was called, in order. Without the lock: a task may end all that it waited for once it goes on.
    static void resume_all(place* called) noexcept;

private:
    place* first_ = nullptr;
    place* last_ = nullptr;
    std::size_t size_ = 0;
};

/// A task's place in a line, and the base of what such tasks await: it lives in the awaiting frame, so that waiting
/// costs no allocation. A derived class says in `arm` whether the task needs to wait, and then lets it `stand`.
class wait_queue::place : public wait_point {
public:
    [[nodiscard]] bool await_ready() const noexcept { return false; }
    bool await_suspend(std::coroutine_handle<> at) noexcept {
        return task_state::current().suspend_within_budget(at, *this);
    }

    /// Leaves the line; too late for one that was called.
    cancellation cancel(task_refs& awaited) noexcept override;

    /// The task goes on. Once, by whoever called this place, without the lock.
    void resume() noexcept { task_->resume(); }

    /// The one after this in a chain that call_all gave.
    [[nodiscard]] place* next() const noexcept { return next_; }

protected:
    place(spin_lock& lock, wait_queue& line) noexcept : lock_{lock}, line_{line} {}
    place(place&& other) noexcept : place{other.lock_, other.line_} {}  // g++ 12 asks for it; never armed
    ~place() = default;

    /// Begins to wait. Under the lock.
    void stand(task_state& waiter) noexcept {
        task_ = &waiter;
        line_.push(*this);
    }

    /// What await_resume begins with. `give_back` is called when the task was called out of the line and cancelled at
    /// once: what it was called for is for the next one then.
    template <typename GiveBack>
    void go_on(GiveBack&& give_back) const {
        try {
            task_state::current().throw_if_cancelled();
        } catch (const cancelled_error&) {
            if (called_) {
                give_back();
            }
            throw;
        }
    }

    [[nodiscard]] bool called() const noexcept { return called_; }

    /// Who stands here.
    [[nodiscard]] const task_state& waiter() const noexcept { return *task_; }

    spin_lock& lock_;

private:
    friend class wait_queue;

    wait_queue& line_;
    task_state* task_ = nullptr;
    place* next_ = nullptr;
    place* previous_ = nullptr;
    bool called_ = false;  // under the lock while it waits: the task is being resumed, or about to be
};

}  // namespace gatherd::executor
