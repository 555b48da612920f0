/// \file
/// The answers to what a limit forbids.
#pragma once

#include <cstddef>
#include <string_view>

#include "api/error.hpp"
#include "gatherd/api/limits.hpp"

namespace gatherd::api::server {

/// -32003: that limit is met, nothing was run, and when to try again.
[[nodiscard]] error overloaded(const char* limit, std::size_t most);

/// -32006 of a limit.
[[nodiscard]] error over_limit(const char* name, std::size_t most);

/// -32006 of limits.memory_bytes.
[[nodiscard]] error out_of_memory();

/// How much a limit is that a program or a connection can be ended for.
[[nodiscard]] std::size_t most_of(std::string_view limit, const limits& bounds);

}  // namespace gatherd::api::server
