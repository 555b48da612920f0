/// \file
/// What the table of workers and a pool tell each other about one process of that pool.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "gatherd/executor/event.hpp"

namespace gatherd::api::workers {

/// One process of a pool, as a worker. What never changes is the pool's to set before the process's connection is made;
/// the flags are the table's to set, and each of them sets `changed` after that.
///
/// Threads: any.
struct pool_member {
    std::shared_ptr<const std::string> pool{};  ///< its name
    pid_t pid = 0;
    std::optional<std::size_t> concurrency{};                ///< in place of what it says itself
    std::optional<std::chrono::milliseconds> cancel_time{};  ///< in place of workers.cancel_time
    std::uint64_t max_calls = 0;                             ///< it gets no call after so many; 0: not bounded
    bool wants_answers = false;                              ///< `has_answered` is looked at

    std::atomic<bool> serves{false};        ///< its first `serve` was answered
    std::atomic<bool> is_spent{false};      ///< it has got max_calls calls
    std::atomic<bool> is_stuck{false};      ///< it has not answered a cancelled call in time
    std::atomic<bool> has_answered{false};  ///< a call, since this was reset
    std::atomic<bool> is_idle{false};       ///< it rests, and has no call but those that it does not answer
    std::atomic<bool> has_hung_up{false};   ///< its connection has ended
    executor::event changed{};              ///< one task may wait for it: clear it, look at the flags, wait

    void tell(std::atomic<bool>& flag) noexcept {
        flag.store(true);
        changed.set();
    }
};

}  // namespace gatherd::api::workers
