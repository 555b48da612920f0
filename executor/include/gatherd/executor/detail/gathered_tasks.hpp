/// \file
/// Tasks that one task creates and then waits for as asyncio.gather does, each with a result of the same type.
#pragma once

#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "gatherd/executor/create_task.hpp"
#include "gatherd/executor/detail/awaiting_coroutine.hpp"
#include "gatherd/executor/detail/frame_pool.hpp"
#include "gatherd/executor/detail/spin_lock.hpp"
#include "gatherd/executor/detail/task_state.hpp"
#include "gatherd/executor/wait.hpp"

namespace gatherd::executor {
namespace detail {

/// Counts the ends of tasks. Each task counts its own, so that a wait for many takes no memory beside them: a set of
/// ends (task_ends) has an entry for each task.
///
/// State       users_ counts the owner and each task that has not ended. Whoever brings it to 0 deletes the object.
///             decisive_ is the end that made the wait over: the first failure, where that counts, or the last end.
///
/// Invariant   whoever clears is_waiting_ resumes the waiter
///
/// Threads: add() and what waits are for the owner's task, the ends for any. Lock order: the waiter's lock, then this
/// one, under which no other is taken.
class end_count : public wait_point, public pooled {
public:
    explicit end_count(return_when when) noexcept : when_{when} {}
    end_count(const end_count&) = delete;
    end_count& operator=(const end_count&) = delete;

    /// One more task, before it starts.
    void add() noexcept;

    /// A task has ended.
    void count(task_state& ended) noexcept;

    /// The owner gives it up; nothing happens to the tasks.
    void leave() noexcept;

    bool arm(task_state& waiter) noexcept override;
    cancellation cancel(task_refs& awaited) noexcept override;
    void describe(wait_description& description) noexcept override;

    /// How the wait ended. If all tasks had ended before it, and none of them decides, no end is decisive.
    [[nodiscard]] wait_result result() noexcept;

protected:
    virtual ~end_count() = default;

    /// The tasks, some of which may be none. They do not change while the owner waits.
    [[nodiscard]] virtual std::size_t size() const noexcept = 0;
    [[nodiscard]] virtual const task_ref& at(std::size_t index) const noexcept = 0;

private:
    [[nodiscard]] bool is_over() const noexcept { return users_ == 1 || decisive_; }

    const return_when when_;
    spin_lock lock_;
    bool is_waiting_ = false;  // under lock_, as all below
    bool is_left_ = false;
    std::size_t users_ = 1;
    std::uint64_t request_ = 0;  // the newest that was passed on
    task_state* waiter_ = nullptr;
    task_ref decisive_;
};

class [[nodiscard]] end_count_awaiter {
public:
    using native_awaiter = void;

    explicit end_count_awaiter(end_count& awaited) noexcept : ends_{awaited} {}
    [[nodiscard]] bool await_ready() const noexcept { return false; }
    // Not put off: that would raise a cancellation at once, and the caller is to see how the tasks end.
    bool await_suspend(awaiting_coroutine at) noexcept { return task_state::current().suspend(at, ends_); }
    [[nodiscard]] wait_result await_resume() const {
        task_state::current().throw_if_cancelled();
        return ends_.result();
    }

private:
    end_count& ends_;
};

/// A task that counts its end.
template <typename T>
class counted_task final : public task_with_result<T> {
public:
    counted_task(task_scope& scope, std::coroutine_handle<task_promise<T>> root, end_count& ends) noexcept
        : task_with_result<T>{scope, root}, ends_{ends} {
        this->watch_own_end();
    }

private:
    void own_end() noexcept override { ends_.count(*this); }

    end_count& ends_;
};

}  // namespace detail

/// Places for tasks, in each of which one may be created. Dropping it does nothing to them.
///
/// Threads: for the task that made it. Memory: eight bytes a place.
template <typename T>
class gathered_tasks {
public:
    /// `when`: when the wait is over, return_when::first_failure or all_completed.
    gathered_tasks(std::size_t places, return_when when) : set_{new set{when}} {
        try {
            set_->tasks.resize(places);
        } catch (...) {
            set_->leave();
            throw;
        }
    }
    gathered_tasks(const gathered_tasks&) = delete;
    gathered_tasks& operator=(const gathered_tasks&) = delete;
    ~gathered_tasks() {
        const std::vector<task_handle<T>> given_up = std::move(set_->tasks);  // tasks that run on keep only the count
        set_->leave();
    }

    /// create_task, in an empty place. Throws std::bad_alloc.
    void create(std::size_t place, task<T> child) {
        task_scope& scope = task_state::current().scope();
        auto& made = *new detail::counted_task<T>{scope, detail::release_once(child), *set_};
        set_->tasks[place] = task_handle<T>{made, task_ref::adopted{}};
        set_->add();
        made.start(false);
    }

    /// The tasks; an empty handle where there is none.
    [[nodiscard]] std::vector<task_handle<T>>& tasks() noexcept { return set_->tasks; }

    /// `co_await g.wait()`: waits as wait_as_gather does. Once, and the tasks are not changed meanwhile.
    [[nodiscard]] auto wait() noexcept { return detail::end_count_awaiter{*set_}; }

private:
    struct set final : detail::end_count {
        using end_count::end_count;
        std::vector<task_handle<T>> tasks;

    private:
        [[nodiscard]] std::size_t size() const noexcept override { return tasks.size(); }
        [[nodiscard]] const task_ref& at(std::size_t index) const noexcept override { return tasks[index].ref(); }
    };

    set* set_;
};

}  // namespace gatherd::executor
