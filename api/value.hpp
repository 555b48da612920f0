/// \file
/// The JSON value that functions take and give: nlohmann's, with the members in the order they came in.
#pragma once

#include <nlohmann/json_fwd.hpp>

namespace gatherd::api {

/// Any JSON value. Integers are int64_t, or uint64_t beyond it; a double stays a double (`1.0` is not `1`).
using value = nlohmann::ordered_json;

}  // namespace gatherd::api
