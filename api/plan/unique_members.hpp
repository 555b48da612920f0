/// \file
/// The members of an object of a client, duplicates told apart.
#pragma once

#include <vector>

#include "api/protocol/json_view.hpp"

namespace gatherd::api::plan {

/// The members of `object` in the order of their first appearance, each with its last value. Cost: linear.
[[nodiscard]] std::vector<protocol::json_view::member> unique_members(protocol::json_view object);

}  // namespace gatherd::api::plan
