/// \file
/// Whether the daemon would start with settings, without starting it.
#pragma once

#include <string>
#include <vector>

#include "config/settings.hpp"

namespace gatherd::cli {

/// One line each.
struct start_findings {
    std::vector<std::string> faults{};    // what `serve` would refuse
    std::vector<std::string> warnings{};  // what it would warn of
};

/// Certificates and tokens that cannot be read, addresses that are not of this machine, and such that everybody could
/// use, and so on. Reads files and resolves names; a port that is taken is not told.
[[nodiscard]] start_findings check_start(const config::settings& settings);

/// Of that what concerns `listen` and `admin.listen` alone.
[[nodiscard]] std::vector<std::string> address_faults(const config::settings& settings);

/// Certificates that are not valid today, and secrets that everybody may read. For settings without faults.
[[nodiscard]] std::vector<std::string> start_warnings(const config::settings& settings);

}  // namespace gatherd::cli
