/// \file
/// The members of an object of a client, duplicates told apart.
#pragma once

#include <vector>

#include "api/json/json_view.hpp"

namespace gatherd::api::plan {

/// The members of `object` in the order of their first appearance, each with its last value. Cost: linear.
[[nodiscard]] std::vector<json::json_view::member> unique_members(json::json_view object);

}  // namespace gatherd::api::plan
