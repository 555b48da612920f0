/// \file
/// The subcommands `config print` and `check-config`.
#pragma once

#include <functional>

#include "cli/command.hpp"
#include "cli/serve/check.hpp"
#include "config/settings.hpp"

namespace CLI {
class App;
}

namespace gatherd::cli {

/// What the daemon would say at its start though each setting by itself is right.
using start_check = std::function<start_findings(const config::settings&)>;

void add_config_commands(CLI::App& root, command& chosen, const start_check& check_start);

}  // namespace gatherd::cli
