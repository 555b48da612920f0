/// \file
/// Digests and checksums: the family of hash.
#pragma once

#include "api/plan/model/registry.hpp"

namespace gatherd::api::functions {

void add_hash(plan::registry& functions);

}  // namespace gatherd::api::functions
