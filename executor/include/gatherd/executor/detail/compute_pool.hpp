/// \file
/// The lane for calls that take much CPU: a oneTBB arena.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <memory>
#include <mutex>

#include "gatherd/executor/detail/cpu_mask.hpp"
#include "gatherd/executor/detail/work_list.hpp"
#include "gatherd/executor/work.hpp"

namespace gatherd::executor {

/// Runs work on oneTBB's threads, where oneTBB's parallel algorithms may be used freely, so that no long computation
/// holds up a worker: the operating system shares the cores between the two.
///
/// The work itself goes through a line of ours under a lock, oldest first; oneTBB is only told that there is one more.
/// So what a submitter wrote is visible to the thread that runs it by an edge of ours, which ThreadSanitizer sees;
/// Debian's oneTBB is not instrumented. A lock costs nothing against work of 100 us.
///
/// Threads: all members are safe from any thread.
class compute_pool {
public:
    /// `cpus`: where its threads run, unless it is empty; then wherever oneTBB starts them.
    explicit compute_pool(std::size_t max_threads, cpu_mask cpus = {}) noexcept;
    ~compute_pool();
    compute_pool(const compute_pool&) = delete;
    compute_pool& operator=(const compute_pool&) = delete;

    /// Has a thread of the arena run it; always true. The arena comes into being with the first.
    bool submit(work& item) noexcept;

    /// Waits until all that was submitted has run. When nobody submits any more.
    void stop() noexcept;

private:
    struct arena;
    class one_more;
    void run_next() noexcept;

    const std::size_t max_threads_;
    const cpu_mask cpus_;
    std::once_flag made_;
    std::unique_ptr<arena> arena_;  // from the first submit on
    std::mutex lock_;
    std::condition_variable idle_;
    work_list waiting_;           // under lock_
    std::size_t unfinished_ = 0;  // under lock_: waiting or running
};

}  // namespace gatherd::executor
