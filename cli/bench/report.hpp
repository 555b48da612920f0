/// \file
/// What a load test found, as a table for people, as JSON, and as a plot. Pure.
#pragma once

#include <string>

#include "cli/bench/load_options.hpp"
#include "cli/bench/load_run.hpp"

namespace gatherd::cli::bench {

/// What stands at the head of a report.
struct report_title {
    std::string server;    // HOST:PORT
    std::string workload;  // as "gather of 100: noop"
};

/// Some twenty lines.
[[nodiscard]] std::string report_text(const report_title& title, const load_options& options,
                                      const load_outcome& outcome);

/// One JSON object over several lines. Times are in seconds, sizes in bytes; docs/PERFORMANCE.md names the members.
[[nodiscard]] std::string report_json(const report_title& title, const load_options& options,
                                      const load_outcome& outcome);

/// An SVG picture: latency by quantile, and tasks a second over time.
[[nodiscard]] std::string report_plot(const report_title& title, const load_options& options,
                                      const load_outcome& outcome);

/// "1.23 us", "45.6 ms": three digits and a unit.
[[nodiscard]] std::string time_text(std::chrono::nanoseconds time);

}  // namespace gatherd::cli::bench
