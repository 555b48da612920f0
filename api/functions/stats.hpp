/// \file
/// stats.describe.
#pragma once

#include "api/plan/model/registry.hpp"

namespace gatherd::api::functions {

void add_stats(plan::registry& functions);

}  // namespace gatherd::api::functions
