/// \file
/// What a program's end looks like on the wire.
#pragma once

#include <memory>

#include "api/error.hpp"
#include "api/limits.hpp"
#include "api/plan/program.hpp"
#include "api/server/counters.hpp"
#include "api/value.hpp"

namespace gatherd::api::server {

/// The error that answers a request whose program ended so; not for one that returned.
[[nodiscard]] error error_of(const plan::program_end& end, const limits& bounds);

/// -32006 of a limit.
[[nodiscard]] error over_limit(const char* name, std::size_t most);

/// `{"value": V}` or `{"error": ERROR}`, beside what is in `entry` already.
void add_outcome(value& entry, const plan::outcome& result);

/// Counts a program's end, and its tasks as ended alike.
void count_end(counters& in, plan::program_end::way how, std::size_t tasks) noexcept;

}  // namespace gatherd::api::server
