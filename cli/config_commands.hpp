/// \file
/// The subcommands `config print` and `check-config`.
#pragma once

#include "cli/command.hpp"

namespace CLI {
class App;
}

namespace gatherd::cli {

void add_config_commands(CLI::App& root, command& chosen);

}  // namespace gatherd::cli
