/// \file
/// The functions that every server has.
#pragma once

#include "api/plan/model/registry.hpp"

namespace gatherd::api::functions {

/// Adds every family of this folder. Throws std::logic_error if the registry has one of their names already.
void add_standard(plan::registry& functions);

}  // namespace gatherd::api::functions
