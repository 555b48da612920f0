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

/// -32006 of limits.memory_bytes, for what has begun.
[[nodiscard]] error out_of_memory();

/// There is no memory for something that a client asks for and that has not begun. Where more than a quarter of
/// limits.memory_bytes is held by something else it is -32003, since that will be given back; else the request is too
/// large by itself: -32006. `own_bytes`: about what the request takes by now.
[[nodiscard]] error no_memory_for(std::size_t own_bytes);

/// How much a limit is that a program or a connection can be ended for.
[[nodiscard]] std::size_t most_of(std::string_view limit, const limits& bounds);

}  // namespace gatherd::api::server
