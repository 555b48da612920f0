/// \file
/// Threads for calls that block: what asyncio's default executor is.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>

#include "gatherd/executor/work.hpp"

namespace gatherd::executor {

/// A call for a pool of threads, in two parts. `run` makes the call; `tell` comes after it on the same thread, resumes
/// the task that awaits the call, and may end the life of this object.
struct pool_work : work {
    pool_work(run_function call, run_function resume) noexcept : work{call}, tell{resume} {}

    run_function tell;
};

/// An elastic pool: a thread is started when all are busy, up to a bound, and ends after ten idle seconds. Calls beyond
/// the bound wait in a queue, first in, first out.
///
/// Threads: all members are safe from any thread.
class blocking_pool {
public:
    struct options {
        std::size_t max_threads;
        const char* name;  ///< of each thread, at most 15 characters

        /// What each thread does first; must not throw. A thread inherits CPUs and niceness of the one that submits.
        std::function<void()> begin{};

        /// Calls `run` of an item, somehow, on one of the threads; must not throw. Empty: directly.
        std::function<void(work&)> run{};
    };

    /// What stop() does about the calls that go on.
    enum class open_calls { left_behind, awaited };

    explicit blocking_pool(options o, open_calls at_stop = open_calls::left_behind);
    ~blocking_pool();
    blocking_pool(const blocking_pool&) = delete;
    blocking_pool& operator=(const blocking_pool&) = delete;

    /// Where an item stands among those that wait for a thread.
    enum class place { last, first };

    /// Has one of the threads run it. False: there is no thread and none can be started, so it will not run. A pool
    /// that has a thread needs no memory for this.
    [[nodiscard]] bool submit(pool_work& item, place among_waiting = place::last) noexcept;

    /// Ends the threads and waits until they are gone, together with what libraries kept for each of them, so that no
    /// thread uses what the end of the process takes apart. Call it when nobody submits any more and nobody awaits a
    /// call.
    ///
    /// Where open calls are left behind, threads whose `run` has not returned are not waited for: such a call may never
    /// return. A thread whose `run` has returned is waited for, also when it has not come back from `tell`. Once
    /// stopped, a pool has nothing more to stop.
    void stop() noexcept;

    /// Threads that are inside `run`. A thread leaves this count before it calls `tell`. For reports, and for deciding
    /// how to leave main.
    [[nodiscard]] std::size_t busy() const noexcept;

private:
    struct state;
    std::shared_ptr<state> state_;  // shared with the threads, which may outlive this object
};

}  // namespace gatherd::executor
