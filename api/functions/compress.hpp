/// \file
/// compress.gzip and compress.gunzip.
#pragma once

#include "api/plan/model/registry.hpp"

namespace gatherd::api::functions {

void add_compress(plan::registry& functions);

}  // namespace gatherd::api::functions
