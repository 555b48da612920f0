/// \file
/// The tasks that belong together: what asyncio calls a running loop's all_tasks().
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "gatherd/executor/allocated_memory.hpp"
#include "gatherd/executor/detail/scope_member.hpp"
#include "gatherd/executor/detail/spin_lock.hpp"
#include "gatherd/executor/detail/task_state.hpp"
#include "gatherd/executor/scheduler.hpp"
#include "gatherd/executor/work.hpp"

namespace gatherd::executor {
namespace detail {
enum class on_cancelled;
enum class others;
template <typename Function, typename Pool, on_cancelled Policy, others Others>
class pool_awaiter;
}  // namespace detail

/// How the tasks of a scope run.
enum class ordering {
    parallel,  ///< on all workers at once
    serial,    ///< one at a time, ready ones first in, first out, as on asyncio's loop
};

/// A program's tasks: every task is created in the scope of the task that creates it.
///
/// It ends as asyncio.run does: once close() was called, what still runs is cancelled and awaited, in rounds, since
/// clean-up may create more; then on_drained is called, once. A scope must outlive its tasks: on_drained is the
/// earliest moment at which it may be destroyed.
///
/// Threads: all members are safe from any thread.
class task_scope : private work {
public:
    explicit task_scope(scheduler& pool, ordering order = ordering::parallel);
    task_scope(const task_scope&) = delete;
    task_scope& operator=(const task_scope&) = delete;

    [[nodiscard]] scheduler& runs_on() const noexcept { return scheduler_; }
    [[nodiscard]] bool is_serial() const noexcept { return order_ == ordering::serial; }

    /// What its tasks have allocated in their steps and not freed, where the process counts that.
    [[nodiscard]] memory_account& memory() const noexcept { return *memory_; }

    /// The worker whose wheel keeps the timers of this scope's tasks: of a serial scope always the same, so that they
    /// fire in order.
    [[nodiscard]] std::size_t timer_home() const noexcept;

    /// No more work is wanted: cancels what runs. on_drained comes from this call if nothing does.
    void close() noexcept;

    /// Cancels all tasks of this moment. `request`: the number of the request that this follows from; 0 is a new one.
    void cancel_all(const std::string& message = {}, std::uint64_t request = 0) noexcept;

    /// Tasks that have not ended, but for children of a gather that have not waited yet and for those that a step in
    /// hand has just created. Of use for reports only: it may change at once.
    [[nodiscard]] std::size_t size() const noexcept;

protected:
    ~task_scope();

    /// All tasks have ended after close(). Called once, on whatever thread ended the last; may destroy this object.
    virtual void on_drained() noexcept = 0;

private:
    friend class cancellation_walk;
    friend class gathering;
    template <typename, typename, detail::on_cancelled, detail::others>
    friend class detail::pool_awaiter;
    friend class task_state;
    friend class task_walk;

    enum class readiness {
        created,       ///< for its first step
        created_soon,  ///< for its first step, which the calling worker takes when it is done with what it has in hand
        resumed,       ///< it goes on
        yielding,      ///< it goes on when the others have
        put_off,       ///< it goes on after other work, in a serial scope before other tasks of that
    };

    void enroll(scope_member& member) noexcept;
    void leave(scope_member& member) noexcept;

    void make_ready(task_state& task, readiness how) noexcept;

    /// In a step of `task` in a serial scope: after it no task of the scope runs before this one is made ready again.
    void hold_for(task_state& task) noexcept;
    void let_go() noexcept;

    /// In a step of a serial scope: after it no task of the scope runs before resume(), which may come at once and from
    /// any worker. The scope lives at least as long.
    void pause() noexcept;
    void resume() noexcept;
    static void run_serially(work& self) noexcept;
    void drained(bool in_a_step) noexcept;
    [[nodiscard]] task_refs begin_round(std::uint64_t request);
    [[nodiscard]] task_refs ask_all(const std::string& message, std::uint64_t request);

    scheduler& scheduler_;
    const ordering order_;
    const std::size_t serial_home_;
    const lasting_account memory_;

    /// Some of the members, newest first. A worker adds to its own, so that workers do not fight for one list.
    struct alignas(64) shard {
        mutable spin_lock lock;
        bool closing = false;  // under lock, as all here: what changes now does so under closing_lock_ too
        std::size_t live = 0;
        scope_member* first = nullptr;
    };
    static constexpr std::size_t shard_count = 4;

    [[nodiscard]] std::uint8_t shard_here() const noexcept;
    static void link(shard& in, scope_member& member) noexcept;
    static void unlink(shard& in, scope_member& member) noexcept;
    void enroll_late(scope_member& member) noexcept;
    void leave_late(scope_member& member) noexcept;
    void leave_scheduler() noexcept;

    std::array<shard, shard_count> shards_;

    task_scope* next_scope_ = nullptr;  // for dump_tasks: under the scheduler's scopes_lock_, as the next one
    task_scope* previous_scope_ = nullptr;
    bool is_shown_ = true;  // it is in that list

    // Once it closes. Lock order: closing_lock_, then a shard's.
    spin_lock closing_lock_;
    std::size_t live_ = 0;           // under closing_lock_, as the next two
    std::uint32_t round_ = 0;        // members that join later have a higher one
    std::size_t left_in_round_ = 0;  // members of former rounds that are still there

    spin_lock ready_lock_;
    bool ready_scheduled_ = false;  // this scope is in a queue of the scheduler, or being run
    bool drained_ = false;          // run_serially has to call on_drained
    work* first_ready_ = nullptr;
    work* last_ready_ = nullptr;
    const task_state* holder_ = nullptr;  // no other task runs before it is ready
    std::size_t pauses_ = 0;
};

}  // namespace gatherd::executor
