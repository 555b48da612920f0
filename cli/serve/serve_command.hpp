/// \file
/// The subcommand `serve`: settings from everywhere, then the daemon.
#pragma once

#include "cli/command.hpp"

namespace CLI {
class App;
}

namespace gatherd::cli {

void add_serve(CLI::App& root, command& chosen);

}  // namespace gatherd::cli
