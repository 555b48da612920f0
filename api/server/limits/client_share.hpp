/// \file
/// What one client has of what all share.
#pragma once

#include <cstddef>
#include <memory>
#include <mutex>

#include "gatherd/executor/allocated_memory.hpp"
#include "gatherd/executor/semaphore.hpp"

namespace gatherd::api::server {

/// Of the holder of a token, else of a connection: the memory that its programs, kept results, buffers and waiting
/// requests hold, and its places on the blocking pool.
///
/// Threads: all members are safe from any thread.
class client_share : public executor::memory_group {
public:
    /// Places on the blocking pool for all that runs for it; so many, when they are made.
    [[nodiscard]] std::shared_ptr<executor::semaphore> blocking_places(std::size_t most) {
        const std::lock_guard guard{lock_};
        if (blocking_places_ == nullptr) {
            blocking_places_ = std::make_shared<executor::semaphore>(most);
        }
        return blocking_places_;
    }

private:
    std::mutex lock_;
    std::shared_ptr<executor::semaphore> blocking_places_;  // under lock_; none until first needed
};

}  // namespace gatherd::api::server
