/// \file
/// Random numbers and choices: random.*, which draw the very numbers of CPython 3.11's random.Random.
#pragma once

#include "api/plan/model/registry.hpp"

namespace gatherd::api::functions {

void add_random(plan::registry& functions);

}  // namespace gatherd::api::functions
