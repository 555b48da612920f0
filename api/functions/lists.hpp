/// \file
/// Functions of lists and numbers: Python's built-in ones.
#pragma once

#include "api/plan/model/registry.hpp"

namespace gatherd::api::functions {

/// len, range, zip, min, max, sum, sorted.
void add_lists(plan::registry& functions);

}  // namespace gatherd::api::functions
