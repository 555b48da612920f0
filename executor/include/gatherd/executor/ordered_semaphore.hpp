/// \file
/// A bound on how many tasks of a list are inside at once, let in in the order of the list.
#pragma once

#include <coroutine>
#include <cstddef>
#include <memory>
#include <utility>
#include <vector>

#include "gatherd/executor/detail/spin_lock.hpp"
#include "gatherd/executor/detail/task_state.hpp"

namespace gatherd::executor {

/// What a semaphore round each child of a gather is on asyncio's one thread. There the children arrive in list order;
/// here several workers start them, so each has its place in line from the beginning, wherever it runs: a permit goes
/// to the lowest place that has none, and waits there for its task.
///
/// Threads: all are safe from any; enter is for tasks. Shared by the places, which keep it alive.
class ordered_semaphore {
public:
    class place;

    /// `places` of them, numbered from 0; `permits` at least 1 may be inside at once.
    ordered_semaphore(std::size_t places, std::size_t permits);
    ordered_semaphore(const ordered_semaphore&) = delete;
    ordered_semaphore& operator=(const ordered_semaphore&) = delete;

private:
    enum class state : unsigned char { waiting, admitted, left };
    struct entry {
        state is = state::waiting;
        task_state* waiter = nullptr;  // it waits in enter()
    };

    void leave(std::size_t index) noexcept;
    task_state* admit_next() noexcept;

    spin_lock lock_;
    std::size_t permits_;   // under lock_, as all below
    std::size_t next_ = 0;  // all before it have been admitted, or left before
    std::vector<entry> entries_;
};

/// One task's place: the task holds it, and gives it up with the end of its own life, run or not.
class ordered_semaphore::place {
public:
    place(std::shared_ptr<ordered_semaphore> line, std::size_t index) noexcept
        : line_{std::move(line)}, index_{index} {}
    place(place&& other) noexcept : line_{std::move(other.line_)}, index_{other.index_} {}
    place& operator=(place&&) = delete;
    ~place() {
        if (line_ != nullptr) {
            line_->leave(index_);
        }
    }

    class [[nodiscard]] enter_awaiter : public wait_point {
    public:
        explicit enter_awaiter(const place& taken) noexcept : line_{*taken.line_}, index_{taken.index_} {}

        [[nodiscard]] bool await_ready() const noexcept { return false; }
        bool await_suspend(detail::awaiting_coroutine at) noexcept { return task_state::current().suspend(at, *this); }
        void await_resume() const { task_state::current().throw_if_cancelled(); }

        bool arm(task_state& waiter) noexcept override;
        cancellation cancel(task_refs& awaited) noexcept override;
        void describe(wait_description& into) noexcept override { into.kind = "ordered_semaphore"; }

    private:
        ordered_semaphore& line_;
        std::size_t index_;
    };

    /// `co_await p.enter()`: waits until it is this place's turn. Raises cancelled_error when cancelled.
    [[nodiscard]] enter_awaiter enter() const noexcept { return enter_awaiter{*this}; }

private:
    std::shared_ptr<ordered_semaphore> line_;
    std::size_t index_;
};

}  // namespace gatherd::executor
