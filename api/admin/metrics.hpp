/// \file
/// The daemon's numbers for Prometheus.
#pragma once

#include <string>
#include <vector>

#include "api/pools/pool.hpp"
#include "api/server/service.hpp"

namespace gatherd::api::admin {

/// All metrics, as Prometheus' text format 0.0.4 has them. What they are called and mean: docs/OPERATIONS.md.
///
/// Everything is read from what the service counts anyway, so nothing is paid between scrapes. No label has unbounded
/// values: of functions that workers serve the first 1000 have series of their own, all others one with the name
/// "(others)".
///
/// Threads: any. Cost: about a millisecond, some microseconds for each served function, and a look at each open file.
[[nodiscard]] std::string metrics_text(server::service& daemon, const std::vector<pools::pool::state>& pools);

}  // namespace gatherd::api::admin
