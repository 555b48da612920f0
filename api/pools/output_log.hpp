/// \file
/// The output of processes, line by line, for the daemon's log.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

namespace gatherd::api::pools {

/// How many lines of one pool are logged: `most` at once, then so many a second; the others are counted.
///
/// Threads: all members are safe from any thread.
class line_budget {
public:
    using clock = std::chrono::steady_clock;

    explicit line_budget(double most, double each_second) noexcept
        : most_{most}, each_second_{each_second}, left_{most} {}

    /// Whether one more may be logged: then how many were left out before it.
    [[nodiscard]] std::optional<std::uint64_t> pass(clock::time_point now = clock::now());

private:
    const double most_;
    const double each_second_;
    std::mutex lock_;
    double left_;  // under lock_, as all below
    std::optional<clock::time_point> last_{};
    std::uint64_t left_out_ = 0;
};

/// One stream of one process: logs its lines with the pool's name and the process's id, and keeps the last one that
/// tells something: of a crash of Node or PHP the error, not what they write below it.
///
/// Threads: one at a time. Memory: 1 KiB, whatever is written.
class output_log {
public:
    output_log(line_budget& budget, std::string pool) noexcept : budget_{budget}, pool_{std::move(pool)} {}

    void take(pid_t pid, std::string_view bytes);

    /// Nothing more will come: what has no line end is a line, too.
    void end(pid_t pid);

    [[nodiscard]] const std::string& last_line() const noexcept { return last_; }

private:
    void log_line(pid_t pid);

    line_budget& budget_;
    const std::string pool_;
    std::string line_{};  // its beginning
    std::string last_{};
    bool is_last_telling_ = false;
};

}  // namespace gatherd::api::pools
