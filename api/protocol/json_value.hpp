/// \file
/// From a view to a value that lives on its own.
#pragma once

#include "api/protocol/json_view.hpp"
#include "gatherd/api/value.hpp"

namespace gatherd::api::protocol {

/// A copy of what `view` shows. Members keep their order; of duplicate names the first one's place and the last one's
/// value. Cost: linear, but for the search of duplicates in an object of n members: n log n, on any input.
[[nodiscard]] value to_value(json_view view);

}  // namespace gatherd::api::protocol
