/// \file
/// Threads for calls that block: what asyncio's default executor is.
#pragma once

#include <cstddef>
#include <memory>

#include "gatherd/executor/detail/cpu_mask.hpp"
#include "gatherd/executor/work.hpp"

namespace gatherd::executor {

/// An elastic pool: a thread is started when all are busy, up to a bound, and ends after ten idle seconds. Beyond the
/// bound work waits in line, first in, first out.
///
/// Threads: all members are safe from any thread.
class blocking_pool {
public:
    /// `cpus`: where its threads run, unless it is empty; then where who submits runs.
    explicit blocking_pool(std::size_t max_threads, cpu_mask cpus = {});
    ~blocking_pool();
    blocking_pool(const blocking_pool&) = delete;
    blocking_pool& operator=(const blocking_pool&) = delete;

    /// Has one of the threads run it. False: not even a first thread can be started, and it will not run.
    [[nodiscard]] bool submit(work& item) noexcept;

    /// Takes no more work, ends the idle threads and waits until they are gone, with all that libraries kept for them:
    /// what the end of a process takes apart is then used by nobody. A thread in the middle of a call is left to
    /// itself: nobody can interrupt it, and it touches only its own job when it comes back.
    void stop() noexcept;

    /// Threads that are in the middle of a call. For reports, and for deciding how to leave main.
    [[nodiscard]] std::size_t busy() const noexcept;

private:
    struct state;
    std::shared_ptr<state> state_;  // shared with the threads, which may outlive this object
};

}  // namespace gatherd::executor
