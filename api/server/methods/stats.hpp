/// \file
/// What the daemon has done and does, in numbers: the answer to method stats.
#pragma once

#include <cstddef>

#include "gatherd/api/value.hpp"

namespace gatherd::api::server {

struct server_parts;

/// From any thread. Cost: about 100 us, and about a microsecond for each function that workers serve, of which those
/// with the most calls are named.
[[nodiscard]] value describe_stats(const server_parts& server, std::size_t most_functions = ~std::size_t{0});

}  // namespace gatherd::api::server
