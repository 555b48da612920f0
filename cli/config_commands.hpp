/// \file
/// The subcommands `config print` and `check-config`.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "cli/command.hpp"
#include "config/settings.hpp"

namespace CLI {
class App;
}

namespace gatherd::cli {

/// What the daemon would refuse at its start though each setting by itself is right, one line each.
using start_check = std::function<std::vector<std::string>(const config::settings&)>;

void add_config_commands(CLI::App& root, command& chosen, const start_check& check_start);

}  // namespace gatherd::cli
