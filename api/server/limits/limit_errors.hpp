/// \file
/// The answers to what a limit forbids.
#pragma once

#include <cstddef>
#include <string_view>

#include "api/error.hpp"
#include "gatherd/api/limits.hpp"

namespace gatherd::api::server {

class client_share;

/// -32003: that limit is met, nothing was run, and when to try again.
[[nodiscard]] error overloaded(const char* limit, std::size_t most);

/// -32006 of a limit.
[[nodiscard]] error over_limit(const char* name, std::size_t most);

/// -32006 of limits.memory_bytes, for what has begun.
[[nodiscard]] error out_of_memory();

/// There is no memory for something that a client asks for and that has not begun. Where others hold more than a quarter
/// of limits.memory_bytes it is -32003, since they will give it back; else -32006. `own_bytes`: what the request
/// itself takes by now, beside the client's share.
[[nodiscard]] error no_memory_for(const client_share& client, std::size_t own_bytes);

/// How much a limit is that a program or a connection can be ended for.
[[nodiscard]] std::size_t most_of(std::string_view limit, const limits& bounds);

}  // namespace gatherd::api::server
