/// \file
/// A first in, first out queue of waiting tasks: those that wait for a semaphore, an event, a future.
#pragma once

#include <atomic>
#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "gatherd/executor/detail/misuse.hpp"
#include "gatherd/executor/detail/spin_lock.hpp"
#include "gatherd/executor/detail/task_state.hpp"
#include "gatherd/executor/errors.hpp"

namespace gatherd::executor {

/// An intrusive queue of waiting tasks, first in, first out. The owner takes entries out under its lock, and resumes
/// them after it has unlocked.
///
/// Destroying an object while tasks wait for it: its destructor calls `abandon`, and the tasks get abandoned_error. An
/// owner that does not do so ends the program by a named misuse.
///
/// Threads: it has no lock of its own. All members are called under the owner's lock, except resume_all and abandon.
class wait_queue {
public:
    class entry;
    class locked_entry;

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

    /// Adds an entry at the end.
    void push(entry& last) noexcept;

    /// Removes an entry that was not taken.
    void remove(entry& leaving) noexcept;

    /// Takes the first entry out, or gives null. It must be resumed.
    [[nodiscard]] entry* take_first() noexcept;

    /// Takes all entries out, as a chain in their order, or gives null. They must be resumed.
    [[nodiscard]] entry* take_all() noexcept;

    /// As take_all; the tasks will find their entries `abandoned`.
    [[nodiscard]] entry* take_all_abandoned() noexcept;

    /// Resumes what was taken, in order. Without the lock: a resumed task may destroy what it waited for.
    static void resume_all(entry* taken) noexcept;

    /// For the destructor of the owner, whose lock this is: wakes all who wait; they raise abandoned_error.
    void abandon(spin_lock& lock) noexcept;

private:
    entry* first_ = nullptr;
    entry* last_ = nullptr;
    std::uint32_t size_ = 0;  // at the end, so that the owner's lock fits behind it
};

/// One waiting task in a queue, and the base of the awaiters of such objects. It lives in the awaiting frame, so
/// waiting allocates nothing. A derived class decides in `arm` whether the task has to wait, and then calls `enqueue`.
///
/// An entry that was taken touches the object that it waited for no more, except as its await_resume says. So who took
/// an entry may destroy the object as soon as it has resumed it, although a cancellation may reach the task meanwhile.
///
/// Edges  V   cancel: phase_ or, acq_rel; and, release  ->  resume: phase_ load, acquire    a cancel that saw the entry
///            in the queue is out of the object's lock before the task is resumed, and so before the object may go
class wait_queue::entry : public wait_point {
public:
    [[nodiscard]] bool await_ready() const noexcept { return false; }
    bool await_suspend(detail::awaiting_coroutine at) noexcept {
        return task_state::current().suspend_within_budget(at, *this);
    }

    /// Resumes the task. Called once, by whoever took this entry out, without the lock.
    void resume() noexcept;

    void describe(wait_description& description) noexcept override;

    /// The following entry of a chain that take_all gave.
    [[nodiscard]] entry* next() const noexcept { return next_; }

protected:
    /// What is waited for, in a word or two, for dump_tasks.
    [[nodiscard]] virtual const char* kind() const noexcept { return "wait queue"; }

    entry() noexcept = default;
    entry(const entry&) noexcept : entry{} {}  // g++ 12 asks for it; never armed
    ~entry() = default;

    /// Begins to wait. Under the lock.
    void enqueue(task_state& waiter, wait_queue& queue) noexcept {
        task_ = &waiter;
        queue.push(*this);
    }

    /// What `cancel` does: removes the entry under the owner's lock, unless it was taken.
    template <typename Lock>
    cancellation cancel_under(Lock& lock, wait_queue& queue) noexcept {
        return visit(lock, [this, &queue] {
            queue.remove(*this);
            return cancellation::detached;
        });
    }

    /// Calls a function under the owner's lock, for `cancel`, unless the entry was taken: then it is too late, and the
    /// owner may be gone.
    template <typename Lock, typename Function>
    cancellation visit(Lock& lock, Function&& function) noexcept {
        cancellation result = cancellation::too_late;
        if ((phase_.fetch_or(is_visited, std::memory_order_acq_rel) & is_taken) == 0) {  // V
            lock.lock();
            result = taken() ? cancellation::too_late : function();
            lock.unlock();
        }
        phase_.fetch_and(static_cast<std::uint8_t>(~is_visited), std::memory_order_release);  // V
        return result;
    }

    /// What await_resume begins with. `give_back` is called if the task was taken out of the queue and cancelled at the
    /// same time: what it was resumed for is for the next task then. Throws cancelled_error and abandoned_error.
    template <typename GiveBack>
    void go_on(GiveBack&& give_back) const {
        try {
            task_state::current().throw_if_cancelled();
        } catch (const cancelled_error&) {
            if (taken() && !abandoned_) {
                give_back();
            }
            throw;
        }
        if (abandoned_) [[unlikely]] {
            throw abandoned_error{};
        }
    }
    void go_on() const {
        go_on([] {});
    }

    [[nodiscard]] bool taken() const noexcept { return (phase_.load(std::memory_order_relaxed) & is_taken) != 0; }
    [[nodiscard]] bool abandoned() const noexcept { return abandoned_; }

    /// The waiting task.
    [[nodiscard]] const task_state& waiter() const noexcept { return *task_; }

private:
    friend class wait_queue;

    static constexpr std::uint8_t is_taken = 1;    // set under the lock: the task is being resumed, or about to be
    static constexpr std::uint8_t is_visited = 2;  // a cancel is under the lock, or about to be

    void take() noexcept { phase_.fetch_or(is_taken, std::memory_order_relaxed); }  // a visitor looks under the lock

    task_state* task_ = nullptr;
    entry* next_ = nullptr;
    entry* previous_ = nullptr;
    std::atomic<std::uint8_t> phase_{0};
    bool abandoned_ = false;  // set under the lock; read when the task goes on
};

/// An entry of an owner with a spin lock.
class wait_queue::locked_entry : public wait_queue::entry {
public:
    cancellation cancel(task_refs& awaited) noexcept override;

protected:
    locked_entry(spin_lock& lock, wait_queue& queue) noexcept : lock_{lock}, queue_{queue} {}
    ~locked_entry() = default;

    /// Begins to wait. Under the lock.
    void enqueue(task_state& waiter) noexcept { entry::enqueue(waiter, queue_); }

    spin_lock& lock_;

private:
    wait_queue& queue_;
};

}  // namespace gatherd::executor
