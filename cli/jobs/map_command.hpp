/// \file
/// The subcommand `map`.
#pragma once

#include "cli/command.hpp"

namespace CLI {
class App;
}

namespace gatherd::cli::jobs {

void add_map(CLI::App& root, command& chosen);

}  // namespace gatherd::cli::jobs
