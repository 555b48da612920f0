/// \file
/// What the log tells about a request: at level debug about each, at level warn about those that took long. Never its
/// arguments, nor what it gave.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <optional>
#include <string_view>

#include "api/error.hpp"
#include "api/protocol/json_view.hpp"
#include "api/trace_parent.hpp"

namespace gatherd::api::protocol {
class request_id;
}

namespace gatherd::api::server {

class connection;

/// One request, from where its method is known to its answer. While neither the level, log.slow nor
/// the admin port asks for it, it costs three loads.
///
/// Threads: begun by one, ended by any; set_slow from any.
class request_log {
public:
    /// Requests that take as long are logged; 0: none. For the whole process, as the log is.
    static void set_slow(std::chrono::nanoseconds least) noexcept {
        least_slow_.store(least.count(), std::memory_order_relaxed);  // nothing else hangs on it
    }

    /// From now on all requests are measured, for counters::add_request_time. For the whole process.
    static void measure() noexcept { is_measuring_.store(true, std::memory_order_relaxed); }

    request_log() = default;

    /// `method`: one of the daemon's own, which outlives it; empty: unknown.
    void begin(const connection& client, std::string_view method, std::optional<protocol::json_view> params) noexcept;

    /// `failed`: the code of the error that answered it; null: it has a result. `answer_bytes`: 0 for a notification.
    void end(connection& client, const protocol::request_id& id, const errc* failed, std::size_t answer_bytes);

private:
    static inline constinit std::atomic<std::chrono::nanoseconds::rep> least_slow_{0};
    static inline constinit std::atomic<bool> is_measuring_{false};

    std::chrono::steady_clock::time_point began_{};  // none: nobody asks for it
    std::string_view method_{};
    std::size_t request_bytes_ = 0;
    trace_parent trace_{};
};

}  // namespace gatherd::api::server
