/// \file
/// What the daemon has done and does, in numbers: the answer to method stats.
#pragma once

#include "gatherd/api/value.hpp"

namespace gatherd::api::server {

struct server_parts;

/// From any thread. Cost: about 100 us, and about a microsecond for each function that workers serve.
[[nodiscard]] value describe_stats(const server_parts& server);

}  // namespace gatherd::api::server
