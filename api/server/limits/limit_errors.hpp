/// \file
/// The answers to what a limit forbids.
#pragma once

#include <cstddef>

#include "api/error.hpp"

namespace gatherd::api::server {

/// -32003: that limit is met, nothing was run, and when to try again.
[[nodiscard]] error overloaded(const char* limit, std::size_t most);

/// -32006 of a limit.
[[nodiscard]] error over_limit(const char* name, std::size_t most);

}  // namespace gatherd::api::server
