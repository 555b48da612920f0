/// \file
/// The end of a service: what it has accepted is given time to end.
#pragma once

#include <chrono>
#include <functional>

#include "api/server/service.hpp"

namespace gatherd::api::server {

/// What a drain has left behind.
struct drain_end {
    bool all_ended = true;  ///< else a task still runs
    bool all_read = true;   ///< else a client has not read its answers: its connection is still there
};

/// How long clients may take to read their last answers, once the grace is over and nothing runs any more.
constexpr std::chrono::seconds last_words{2};

/// Lets what was accepted end within `grace`: requests, created tasks, also detached ones, then the reading of the
/// answers. Cancels what still runs then. Listeners must have stopped before. `end_pools` ends processes that serve
/// functions: first, perhaps, those that are idle (false), in the end all of them, and waits until they are gone
/// (true).
///
/// Threads: any but the service's own, once. Blocks for `grace`, the time of clean-up and `last_words` at most.
drain_end drain(service& drained, std::chrono::milliseconds grace, const std::function<void(bool at_once)>& end_pools);

/// Waits until `is_so`, but not longer than until `deadline`. Asked each two milliseconds.
bool wait_until(std::chrono::steady_clock::time_point deadline, const std::function<bool()>& is_so);

}  // namespace gatherd::api::server
