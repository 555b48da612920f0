/// \file
/// Whether the daemon would start with settings, without starting it.
#pragma once

#include <string>
#include <vector>

#include "config/settings.hpp"

namespace gatherd::cli {

/// What `serve` would refuse, one line each: certificates that cannot be read, addresses that are not of this machine,
/// and such that everybody could use. Reads files and resolves names; a port that is taken is not told.
[[nodiscard]] std::vector<std::string> start_faults(const config::settings& settings);

}  // namespace gatherd::cli
