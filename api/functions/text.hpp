/// \file
/// Functions str.* and json.*.
#pragma once

#include "api/plan/model/registry.hpp"

namespace gatherd::api::functions {

/// str.split, str.join, str.format, json.loads, json.dumps.
void add_text(plan::registry& functions);

}  // namespace gatherd::api::functions
