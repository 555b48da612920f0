/// \file
/// The subcommand `ping`: whether the daemon answers; for health checks.
#pragma once

#include "cli/command.hpp"

namespace CLI {
class App;
}

namespace gatherd::cli {

void add_ping(CLI::App& root, command& chosen);

}  // namespace gatherd::cli
