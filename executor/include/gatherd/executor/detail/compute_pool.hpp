/// \file
/// Threads for calls that take much CPU, inside an arena of oneTBB.
#pragma once

#include <cstddef>
#include <memory>

#include "gatherd/executor/detail/blocking_pool.hpp"
#include "gatherd/executor/detail/cpu_mask.hpp"

namespace gatherd::executor {

/// Runs calls in which oneTBB's parallel algorithms may be used, so that no long computation holds up a worker: the
/// operating system shares the cores between the two.
///
/// The threads that make the calls are ours, so that as many calls run at once as there are threads, whatever oneTBB
/// allows itself: with one CPU it starts no thread at all. Each enters one arena for its call; oneTBB's own threads
/// join there when a call has parallel work. Nothing of oneTBB is set for the whole process.
///
/// Threads: all members are safe from any thread.
class compute_pool {
public:
    /// `cpus`: where its threads run, unless it is empty; then wherever they are started.
    explicit compute_pool(std::size_t max_threads, cpu_mask cpus = {});
    ~compute_pool();
    compute_pool(const compute_pool&) = delete;
    compute_pool& operator=(const compute_pool&) = delete;

    /// As blocking_pool::submit. The arena comes into being with the first call.
    [[nodiscard]] bool submit(pool_work& item,
                              blocking_pool::place among_waiting = blocking_pool::place::last) noexcept {
        return threads_.submit(item, among_waiting);
    }

    /// As blocking_pool::stop, but waits for all calls.
    void stop() noexcept { threads_.stop(); }

private:
    class arena;

    std::unique_ptr<arena> arena_;
    blocking_pool threads_;
};

}  // namespace gatherd::executor
