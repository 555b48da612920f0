/// \file
/// How a request to cancel reaches tasks and what they await.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "gatherd/executor/detail/reserve.hpp"
#include "gatherd/executor/detail/task_state.hpp"
#include "gatherd/executor/work.hpp"

namespace gatherd::executor {

class scheduler;
class task_scope;

/// A request on its way: to some tasks, and depth first to what each of them awaits. The path is its own instead of the
/// stack's: chains may be very long.
///
/// To reach a million tasks takes 0.2 s. So that no worker is kept for that long, a walk that begins on a worker goes
/// on as work, a piece at a time, once it has done one. It keeps references to the tasks that are left. The scheduler
/// destroys one that is left when the workers stop: then all tasks have ended.
///
/// All tasks are told of the request before any is taken out of its wait: one that goes on by itself in between, such
/// as when another of them has ended by this very request, raises it there, and is not interrupted once more in its
/// clean-up.
///
/// Seeded programs depend on the order of steps. So while a walk that a step of a serial scope began is on its way, no
/// task of that scope runs.
///
/// Threads: one at a time. Cost: some 0.2 us a task.
class cancellation_walk final : private work {
public:
    /// Tasks that it reaches, or tells, in one go.
    static constexpr std::size_t piece = 1024;

    /// Gives, of a single task, whether it had not ended. Of several the last is told first, at once.
    static bool begin(std::span<const task_ref> tasks, const std::string& message, std::uint64_t request) noexcept;

    /// The same of tasks in a list that nobody else needs: it is not copied.
    static void begin_with(task_refs tasks, const std::string& message, std::uint64_t request) noexcept;

    /// For a task in which this request has been counted already.
    static void begin_again(const task_ref& one, const std::string& message, std::uint64_t request) noexcept;

    /// Those that are left, when no worker runs any more.
    static void destroy_all(scheduler& pool) noexcept;

private:
    struct level {
        task_ref task;
        task_refs awaited{};
        std::size_t next = 0;
        bool asked = false;
        bool reached = false;  // some awaited task took the request
    };

    cancellation_walk(std::span<const task_ref> tasks, const std::string& message, std::uint64_t request,
                      bool was_asked) noexcept
        : work{&run_piece},
          tasks_{tasks},
          untold_{tasks.size() > 1 ? tasks.size() : 0},
          message_{&message},
          request_{request},
          was_asked_{was_asked} {}
    cancellation_walk(cancellation_walk&& other, std::vector<task_ref> copies, task_refs own,
                      std::string message) noexcept;
    ~cancellation_walk() = default;

    [[nodiscard]] bool run(task_refs* own) noexcept;
    [[nodiscard]] bool go_on(std::size_t most) noexcept;
    [[nodiscard]] bool go_on_later(worker& here, task_refs* own) noexcept;
    void visit() noexcept;
    void leave_level(bool took_it) noexcept;
    static void run_piece(work& self) noexcept;
    void link() noexcept;
    void unlink() noexcept;

    // Of a walk that outlives the call that began it: copies of the tasks, or the list that it was given.
    std::vector<task_ref> copies_;  // made where memory may be short, which task_refs must not meet
    task_refs own_;
    std::span<task_ref> kept_;
    std::span<const task_ref> tasks_;
    std::size_t untold_;    // so many of the first have yet to be told
    std::size_t next_ = 0;  // those before it have been reached
    std::vector<level, detail::reserved<level>> path_;
    std::string kept_message_;
    const std::string* message_;
    std::uint64_t request_;
    bool was_asked_;
    bool reached_ = false;  // some task has taken it, and with it those that await that one

    scheduler* pool_ = nullptr;     // where it goes on
    task_scope* paused_ = nullptr;  // none of its tasks runs before this is done
    cancellation_walk* next_walk_ = nullptr;
    cancellation_walk* previous_walk_ = nullptr;
};

}  // namespace gatherd::executor
