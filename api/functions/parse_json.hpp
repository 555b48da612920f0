/// \file
/// JSON text inside of a plan, as Python's json.loads reads it.
#pragma once

#include <string_view>

#include "gatherd/api/value.hpp"

namespace gatherd::api::functions {

/// The value of a text. Of duplicate keys the first one's place and the last one's value.
///
/// Throws `raised`: ValueError for what is no JSON, a lone surrogate included; OverflowError for numbers beyond 64 bits
/// or a double, and for more than `most_values` values; RecursionError beyond 512 levels. `function`: named in
/// messages. Cost: linear; of objects n log n.
[[nodiscard]] value parse_json(std::string_view function, std::string_view text);

}  // namespace gatherd::api::functions
