/// \file
/// What a load test has counted.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "cli/bench/histogram.hpp"
#include "cli/bench/timeline.hpp"

namespace gatherd::cli::bench {

/// Plain memory, so that processes may share one; whoever counts is done before another reads.
///
/// Threads: one at a time.
struct tally {
    struct error_count {
        int code = 0;
        std::uint64_t times = 0;
    };

    // Of the time that is measured: right answers only.
    std::uint64_t requests = 0;
    std::uint64_t tasks = 0;
    histogram latency;
    histogram lateness;  // how long after it was due a request was written: an open loop's own delay

    // Of the whole run.
    std::uint64_t right = 0;  // requests
    std::uint64_t wrong = 0;
    std::uint64_t unasked = 0;
    std::uint64_t unanswered = 0;  // when patience ended, or the connection
    std::uint64_t unsent = 0;      // due, but never sent
    std::uint64_t lost_connections = 0;
    std::array<error_count, 32> errors{};  // ends with the first of no times; the last one takes what is left
    timeline tasks_by_time;
    std::chrono::nanoseconds last_answer{};  // since the start
    std::array<char, 512> complaint{};       // the first, for a person; ends with 0

    void count_error(int code) noexcept;
    void keep_complaint(std::string_view text) noexcept;
    [[nodiscard]] std::uint64_t error_answers() const noexcept;
    [[nodiscard]] std::uint64_t failures() const noexcept {
        return error_answers() + wrong + unasked + unanswered + unsent + lost_connections;
    }

    /// Adds all that another has counted.
    void add(const tally& other) noexcept;
};

/// What one process counts, in memory that it shares with the one that reports.
struct shared_tally {
    // At any time; only its process writes.
    std::atomic<std::uint64_t> live_tasks{0};
    std::atomic<std::uint64_t> live_failures{0};
    static_assert(std::atomic<std::uint64_t>::is_always_lock_free, "a lock would be one process's own");

    // Once its process has said that it is done.
    tally counted;
};

}  // namespace gatherd::cli::bench
