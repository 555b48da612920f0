/// \file
/// Digests of text: hash.sha256.
#pragma once

#include "api/plan/model/registry.hpp"

namespace gatherd::api::functions {

void add_hash(plan::registry& functions);

}  // namespace gatherd::api::functions
