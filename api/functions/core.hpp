/// \file
/// The functions that plans are tried out with: noop, echo, print, fail, sleep, time.sleep and add.
#pragma once

#include "api/plan/model/registry.hpp"

namespace gatherd::api::functions {

void add_core(plan::registry& functions);

}  // namespace gatherd::api::functions
