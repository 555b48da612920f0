/// \file
/// The output of processes, line by line, for the daemon's log.
#pragma once

#include <sys/types.h>

#include <string>
#include <string_view>

#include "api/log/line_budget.hpp"

namespace gatherd::api::pools {

/// One stream of one process: logs its lines with the pool's name and the process's id, and keeps the last one that
/// tells something: of a crash of Node or PHP the error, not what they write below it.
///
/// Threads: one at a time. Memory: 1 KiB, whatever is written.
class output_log {
public:
    output_log(log::line_budget& budget, std::string pool) noexcept : budget_{budget}, pool_{std::move(pool)} {}

    void take(pid_t pid, std::string_view bytes);

    /// Nothing more will come: what has no line end is a line, too.
    void end(pid_t pid);

    [[nodiscard]] const std::string& last_line() const noexcept { return last_; }

private:
    void log_line(pid_t pid);

    log::line_budget& budget_;
    const std::string pool_;
    std::string line_{};  // its beginning
    std::string last_{};
    bool is_last_telling_ = false;
};

}  // namespace gatherd::api::pools
