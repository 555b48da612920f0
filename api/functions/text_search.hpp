/// \file
/// text.search.
#pragma once

#include "api/plan/model/registry.hpp"

namespace gatherd::api::functions {

void add_text_search(plan::registry& functions);

}  // namespace gatherd::api::functions
