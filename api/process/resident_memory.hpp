/// \file
/// What a process has in memory.
#pragma once

#include <cstdint>
#include <string>

namespace gatherd::api::process {

/// Bytes that are resident, as the system counts them; 0 where it does not say. `process`: an id, or "self".
[[nodiscard]] std::uint64_t resident_bytes(const std::string& process);

}  // namespace gatherd::api::process
