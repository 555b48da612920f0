/// \file
/// What the daemon has done and does, in numbers: the answer to method stats.
#pragma once

#include "gatherd/api/value.hpp"

namespace gatherd::api::server {

class service;

/// From any thread. Cost: about 100 us, and about a microsecond for each function that workers serve.
[[nodiscard]] value describe_stats(service& daemon);

}  // namespace gatherd::api::server
