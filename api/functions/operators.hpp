/// \file
/// Functions operator.*: Python's operators.
#pragma once

#include "api/plan/model/registry.hpp"

namespace gatherd::api::functions {

/// eq, ne, lt, le, gt, ge, not_, contains, getitem.
void add_operators(plan::registry& functions);

}  // namespace gatherd::api::functions
