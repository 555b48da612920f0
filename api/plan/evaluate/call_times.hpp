/// \file
/// How often functions that wait in a line, or may run for long, were called, and for how long they waited and ran.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "api/latency_histogram.hpp"

namespace gatherd::api::plan {

/// Where a call waits before it runs.
enum class call_lane : std::uint8_t {
    compute,   ///< the compute pool
    blocking,  ///< its client's places on the blocking pool, and that pool
    own,       ///< the line of a function that has one of its own: process.run, http.request
    none,      ///< it begins at once, and may take long
};
constexpr std::size_t call_lanes = 3;  ///< in which calls wait

/// Counts calls by function. Not those that a worker of the executor makes on the spot, which take microseconds: two
/// looks at the clock would cost as much as they do. Nor those of workers, which are counted where they are placed.
///
/// Threads: all members are safe from any thread. Memory: bounded, whatever names there are. Cost: a lock and a look at
/// the clock for each step of a call.
class call_times {
public:
    using clock = std::chrono::steady_clock;

    /// Functions beyond these are counted together, under the name "(others)".
    static constexpr std::size_t most_functions = 1000;

    struct numbers {
        std::uint64_t queued = 0;   ///< calls that wait now
        std::uint64_t running = 0;  ///< calls that run now
        std::uint64_t returned = 0;
        std::uint64_t failed = 0;
        std::chrono::nanoseconds time_queued{};
        latency_histogram times_run{};  ///< of those that have ended
    };
    struct function_numbers {
        std::string name;
        numbers counted;
    };

    /// Of each function that was called, by name.
    [[nodiscard]] std::vector<function_numbers> all() const;

    /// How long calls have waited in that lane, one of the first call_lanes.
    [[nodiscard]] latency_histogram times_queued(call_lane lane) const;

private:
    friend class timed_call;

    mutable std::mutex lock_;
    std::map<std::string, numbers, std::less<>> functions_;  // under lock_, as the next
    std::array<latency_histogram, call_lanes> times_queued_{};
};

/// One call. If it goes before `end`, it was cancelled, and counts neither as returned nor as failed.
///
/// Threads: one at a time. Never throws: where there is no memory for a function's numbers, the call is not counted.
class timed_call {
public:
    /// It waits in that lane, or for `none` runs. `times`: null: it is not counted.
    timed_call(std::shared_ptr<call_times> times, std::string_view function, call_lane lane) noexcept;
    ~timed_call();
    timed_call(timed_call&& other) noexcept;
    timed_call& operator=(timed_call&&) = delete;

    /// It runs. The first call counts.
    void begin() noexcept;
    void end(bool has_returned) noexcept;

private:
    void settle(const bool* has_returned) noexcept;

    std::shared_ptr<call_times> times_;       // null: it is not counted, or has ended
    call_times::numbers* counted_ = nullptr;  // of its function
    call_lane lane_;
    bool has_begun_ = false;
    call_times::clock::time_point since_{};  // of its state
};

}  // namespace gatherd::api::plan
