/// \file
/// The JSON value that functions take and give: nlohmann's, with the members in the order they came in.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "gatherd/api/memory_limit.hpp"

namespace gatherd::api {

/// Any JSON value. Integers are int64_t, or uint64_t beyond it; a double stays a double (`1.0` is not `1`). As
/// nlohmann::ordered_json, but that making one may throw memory_limit_exceeded.
using value = nlohmann::basic_json<nlohmann::ordered_map, std::vector, std::string, bool, std::int64_t, std::uint64_t,
                                   double, client_allocator>;

}  // namespace gatherd::api
