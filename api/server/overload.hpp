/// \file
/// The answer to what there is no room for.
#pragma once

#include <cstddef>

#include "api/error.hpp"

namespace gatherd::api::server {

/// -32003: that limit is met, nothing was run, and when to try again.
[[nodiscard]] error overloaded(const char* limit, std::size_t most);

}  // namespace gatherd::api::server
