/// \file
/// What a program's end looks like on the wire.
#pragma once

#include <memory>

#include "api/error.hpp"
#include "api/limits.hpp"
#include "api/plan/program.hpp"
#include "api/value.hpp"

namespace gatherd::api::server {

/// The error that answers a request whose program ended so; not for one that returned.
[[nodiscard]] error error_of(const plan::program_end& end, const limits& bounds);

/// -32006 of a limit.
[[nodiscard]] error over_limit(const char* name, std::size_t most);

/// `{"value": V}` or `{"error": ERROR}`, beside what is in `entry` already.
void add_outcome(value& entry, const plan::outcome& result);

}  // namespace gatherd::api::server
