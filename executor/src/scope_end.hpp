/// \file
/// The moment at which the last task of an async_scope has ended.
#pragma once

#include <semaphore.h>

#include <atomic>
#include <cerrno>

#include "gatherd/executor/event.hpp"

namespace gatherd::executor::detail {

/// What tasks and threads wait for. Threads wait on a POSIX semaphore, since a signal handler may post to it.
class scope_end {
public:
    scope_end() noexcept { sem_init(&wake_, 0, 0); }
    scope_end(const scope_end&) = delete;
    scope_end& operator=(const scope_end&) = delete;
    ~scope_end() { sem_destroy(&wake_); }

    [[nodiscard]] bool has_come() const noexcept { return reached_.is_set(); }

    /// Once.
    void set() noexcept {
        reached_.set();
        sem_post(&wake_);
    }

    /// For tasks.
    [[nodiscard]] event& reached() noexcept { return reached_; }

    /// Blocks until set() or a post to the semaphore.
    void wait_once() noexcept {
        while (sem_wait(&wake_) != 0 && errno == EINTR) {
        }
    }

    /// Blocks until set().
    void wait() noexcept {
        while (!has_come()) {
            wait_once();
        }
        sem_post(&wake_);  // for the next who waits
    }

    [[nodiscard]] sem_t& semaphore() noexcept { return wake_; }

private:
    event reached_;
    sem_t wake_;
};

}  // namespace gatherd::executor::detail
