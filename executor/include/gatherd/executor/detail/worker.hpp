/// \file
/// One thread of the scheduler and all that it owns.
#pragma once

#include <chrono>
#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <thread>

#include "gatherd/executor/counters.hpp"
#include "gatherd/executor/detail/cpu_mask.hpp"
#include "gatherd/executor/detail/newcomers.hpp"
#include "gatherd/executor/detail/reactor.hpp"
#include "gatherd/executor/detail/timer_wheel.hpp"
#include "gatherd/executor/detail/work_deque.hpp"
#include "gatherd/executor/detail/work_list.hpp"
#include "gatherd/executor/detail/work_queue.hpp"
#include "gatherd/executor/work.hpp"

namespace gatherd::executor {

class scheduler;
class task_state;

/// A thread that runs work: its own, else injected, else stolen; and sleeps in its reactor when there is none.
///
/// It has four queues. What has begun goes on in the order in which it became ready, and the children of a program's
/// root start in it too: so programs take turns. Deeper ones are new: the newest family starts first, and in it the
/// eldest: depth first, so that a tree of tasks holds as many at once as it is deep, not as it is wide. What a family
/// of either kind has beyond 64 members stands in a line of its own, where thieves take half at a time and which other
/// programs need not stand behind. Forks are the continuations of fork_join, newest first.
///
/// The order is begun, new, wide, forks; but of eight pieces of work in a row new gets three first, wide and forks one
/// each; and after every 61 the worker looks at its timers and sockets, at what was injected, and starts the oldest new
/// task. So nobody waits for ever: see docs/EXECUTOR.md, Fairness.
///
/// Threads: the push functions and the coroutine members are the owner's; the rest is safe from any thread.
class worker {
public:
    worker(scheduler& owner, std::size_t index);
    ~worker();

    void start();
    void join();

    /// Has its thread run on these CPUs alone from now on. False: the kernel refused. Any thread, between start and
    /// join.
    [[nodiscard]] bool pin(const cpu_mask& to) noexcept { return to.apply_to(thread_.native_handle()); }

    /// Work that goes on, at the end of the line. Owner only.
    void push_begun(work& item) noexcept { begun_.push(&item); }

    /// A task that yields: after all that is ready, what it created among it. Owner only.
    void push_last(work& item) noexcept;

    /// A task that starts. Owner only.
    void push_new(work& item) noexcept;

    /// Children of a gather that have yet to start, to be taken next. Owner only.
    void push_next(work& item) noexcept { new_.push(&item); }

    /// Takes such back. False: a thief has them, or something newer lies above. Owner only.
    [[nodiscard]] bool take_back(work& item) noexcept { return new_.newest_is(item) && new_.try_pop() == &item; }

    /// As take_back, for a task that has yet to start. Owner only.
    [[nodiscard]] bool take_back_new(work& item) noexcept {
        if (!take_back(item)) {
            return false;
        }
        family_ -= family_ > 0 ? 1 : 0;
        return true;
    }

    /// Children of a gather beyond those that are taken next. Owner only.
    void push_wide(work& item) noexcept { wide_.push(&item); }

    /// The tasks that the running one has created are complete: the eldest is to start first. Owner only.
    void close_family() noexcept;

    /// Another child of a gather is to start: whether it may do so before this worker looks round. Owner only.
    [[nodiscard]] bool may_start_another() noexcept { return ++tick_ < ticks_between_looks || looked_lately(); }

    /// Whether a task that yields is the only one that is ready here, so that its turn comes at once, and need not wait
    /// for this worker to look round: then that turn has begun. Owner only.
    [[nodiscard]] bool may_go_on() noexcept {
        if (nested_ != 1 || tick_ + 1 >= ticks_between_looks || backlog() != 0) {
            return false;
        }
        ++tick_;
        created_ = 0;
        family_ = 0;
        counts_.run.add();
        return true;
    }

    /// Whether a task may begin in the step of another: each such step takes stack. Owner only.
    [[nodiscard]] bool may_nest() const noexcept { return nested_ < deepest_nesting; }

    /// A task that the running one has created, in its own scope. False: it is too many to be kept account of here, and
    /// none of this has happened. Owner only.
    [[nodiscard]] bool push_newcomer(task_state& task) noexcept;

    /// A newcomer is about to run in place. Owner only.
    void forget_newcomer(const scope_member& task) noexcept { newcomers_.remove(task); }

    /// The running step is about to wait, or has ended: the scope is told of what it created. Owner only.
    void enroll_newcomers() noexcept {
        if (newcomers_.has_of(nested_)) {
            tell_scope();
        }
    }

    /// Runs a step of a task from `at`, inside the step that goes on here, if any. Gives its root if that has ended;
    /// else it waits, or runs elsewhere by now. Owner only.
    [[nodiscard]] std::coroutine_handle<> run_step(task_state& of, std::coroutine_handle<> at) noexcept;

    /// So many tasks were started, or run, without a queue. Owner only.
    void count_spawned(std::uint64_t n) noexcept { counts_.spawned.add(n); }
    void count_run(std::uint64_t n) noexcept { counts_.run.add(n); }

    /// The continuation of a coroutine that forked. Owner only.
    void push_fork(work& item) noexcept { forks_.push(&item); }

    /// The newest fork, unless a thief has it. Owner only.
    [[nodiscard]] work* pop_fork() noexcept { return forks_.try_pop(); }

    /// Whether a coroutine may fork once more before this worker looks round. Owner only.
    [[nodiscard]] bool may_fork() noexcept {
        if (--forks_left_ != 0) [[likely]] {
            return true;
        }
        forks_left_ = forks_between_looks;
        tick_ = ticks_between_looks - 1;  // the next turn looks
        return false;
    }

    /// Takes work of `victim`: gives the first piece, or null, and keeps what else it got. Owner only.
    [[nodiscard]] work* steal_from(worker& victim) noexcept;

    /// Takes what came from outside into the own queue, in its order. False: there was none. Owner only.
    bool take_injected() noexcept;

    /// The first of those that go on, or null. Owner only.
    [[nodiscard]] work* take_begun() noexcept { return begun_.take(); }

    /// How much work waits here: exact for the owner but for thieves.
    [[nodiscard]] std::size_t backlog() const noexcept {
        return begun_.size() + new_.size() + wide_.size() + forks_.size();
    }

    /// Whether there is work for a second worker. Owner only.
    [[nodiscard]] bool has_more_than_one() const noexcept { return begun_.size() + new_.size() + wide_.size() > 1; }

    /// Resumes coroutines from `at` until one suspends in favour of nobody. Gives a task's root that has ended, if one
    /// has. Owner only.
    std::coroutine_handle<> run_coroutine(std::coroutine_handle<> at) noexcept;

    /// Called by a coroutine that suspends in favour of another of the same task: the loop resumes that one. A loop
    /// instead of symmetric transfer, so that no chain of awaits grows the stack in any build: decision 0004.
    void transfer_to(std::coroutine_handle<> at) noexcept { transfer_ = at; }

    /// Called by a root coroutine at its final suspension.
    void end_root(std::coroutine_handle<> root) noexcept { ended_root_ = root; }

    [[nodiscard]] reactor& events() noexcept { return reactor_; }
    [[nodiscard]] const reactor& events() const noexcept { return reactor_; }
    [[nodiscard]] timer_wheel& timers() noexcept { return timers_; }
    [[nodiscard]] scheduler& owner() noexcept { return owner_; }
    [[nodiscard]] std::size_t index() const noexcept { return index_; }

    /// What it has done so far. Any thread.
    [[nodiscard]] worker_counters counters() const noexcept;

    /// How often it went to sleep. Any thread.
    [[nodiscard]] std::uint64_t parks() const noexcept { return counts_.parks.get(); }

    /// It woke another worker. Owner only.
    void count_wake() noexcept { counts_.wakes.add(); }

    /// The worker that the calling thread is, or null. Never keep the answer across a suspension.
    [[nodiscard]] static worker* current() noexcept { return current_; }

    task_state* running = nullptr;  ///< the task whose step goes on, or null. Owner only.

private:
    static constexpr std::uint32_t ticks_between_looks = 61;  // a prime, as in Go's scheduler: no rhythm with the work
    static constexpr std::uint32_t forks_between_looks = 4096;
    static constexpr std::chrono::microseconds lately{100};
    static constexpr std::uint32_t turns = 8;
    static constexpr std::uint32_t widest_family = 64;
    static constexpr int deepest_nesting = 32;

    struct counts {
        owned_counter run, spawned, stolen, failed_steals, parks, wakes, injected, timers;
    };

    void run();
    void tell_scope() noexcept;
    void move_new_behind() noexcept;
    [[nodiscard]] work* find_own() noexcept;
    [[nodiscard]] work* start_new() noexcept;
    [[nodiscard]] work_list take_family() noexcept;
    [[nodiscard]] work* find_fork() noexcept;
    [[nodiscard]] work* keep_all_but_first(work_queue<work>& own, work_queue<work>& victims) noexcept;
    [[nodiscard]] work* find_elsewhere() noexcept;
    void look_around() noexcept;
    [[nodiscard]] bool looked_lately() noexcept;
    void sleep();

    static thread_local constinit worker* current_;

    scheduler& owner_;
    std::size_t index_;
    std::uint32_t tick_ = 0;
    clock::time_point looked_at_{};
    std::uint32_t forks_left_ = forks_between_looks;
    int nested_ = 0;             // steps in steps
    std::uint32_t created_ = 0;  // tasks, by the work in hand
    bool searching_ = false;
    bool has_slept_ = false;  // and has not looked for work since
    bool saw_work_ = false;   // on the way to sleep: it may steal once, even if enough others search
    std::coroutine_handle<> ended_root_;
    std::coroutine_handle<> transfer_;
    std::size_t family_ = 0;  // those on top of new_ that are of one family, eldest below
    newcomers newcomers_;
    counts counts_;
    work_queue<work> begun_;
    work_queue<work> wide_;
    work_deque<work> new_;
    work_deque<work> forks_;
    timer_wheel timers_;
    reactor reactor_;
    std::thread thread_;
};

}  // namespace gatherd::executor
