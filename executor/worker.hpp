/// \file
/// One thread of the scheduler and all that it owns.
#pragma once

#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <thread>

#include "executor/reactor.hpp"
#include "executor/timer_wheel.hpp"
#include "executor/work.hpp"
#include "executor/work_deque.hpp"

namespace gatherd::executor {

class scheduler;
class task_state;

/// A thread that runs work: its own oldest first, else injected, else stolen; and sleeps in its reactor when there is
/// none.
///
/// Threads: push and the coroutine members are the owner's; the rest is safe from any thread.
class worker {
public:
    worker(scheduler& owner, std::size_t index);
    ~worker();

    void start();
    void join();

    /// Adds work to the own deque. Owner only.
    void push(work& item) noexcept { deque_.push(&item); }

    /// The oldest work of this worker, for a thief, or null.
    [[nodiscard]] work* try_steal() noexcept { return deque_.try_steal(); }

    /// Takes what came from outside into the own deque but for the first, which it returns; null if there was none.
    /// Owner only.
    [[nodiscard]] work* take_injected() noexcept;

    /// How much work waits in the deque: exact for the owner but for thieves.
    [[nodiscard]] std::size_t backlog() const noexcept { return deque_.size(); }

    /// Runs a task's coroutines from `at` until the task waits or its root coroutine ends (true). Owner only.
    [[nodiscard]] bool run_coroutine(std::coroutine_handle<> at) noexcept;

    /// Called by a coroutine that suspends in favour of another of the same task: the loop resumes that one. A loop
    /// instead of symmetric transfer, so that no chain of awaits grows the stack in any build: decision 0004.
    void transfer_to(std::coroutine_handle<> at) noexcept { transfer_ = at; }

    /// Called by a root coroutine at its final suspension.
    void end_root() noexcept { root_ended_ = true; }

    [[nodiscard]] reactor& events() noexcept { return reactor_; }
    [[nodiscard]] timer_wheel& timers() noexcept { return timers_; }
    [[nodiscard]] scheduler& owner() noexcept { return owner_; }
    [[nodiscard]] std::size_t index() const noexcept { return index_; }

    /// The worker that the calling thread is, or null. Never keep the answer across a suspension.
    [[nodiscard]] static worker* current() noexcept;

    task_state* running = nullptr;  ///< the task whose step goes on, or null. Owner only.

private:
    static constexpr std::uint32_t ticks_between_looks = 61;  // a prime, as in Go's scheduler: no rhythm with the work
    void run();
    [[nodiscard]] work* find_own() noexcept;
    [[nodiscard]] work* find_elsewhere() noexcept;
    void look_around();
    void sleep();

    scheduler& owner_;
    std::size_t index_;
    std::uint32_t tick_ = 0;
    bool searching_ = false;
    bool saw_work_ = false;  // on the way to sleep: it may steal once, even if enough others search
    bool root_ended_ = false;
    std::coroutine_handle<> transfer_;
    work_deque<work> deque_;
    timer_wheel timers_;
    reactor reactor_;
    std::thread thread_;
};

}  // namespace gatherd::executor
