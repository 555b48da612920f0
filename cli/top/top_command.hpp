/// \file
/// The subcommand `top`.
#pragma once

#include "cli/command.hpp"

namespace CLI {
class App;
}

namespace gatherd::cli {

void add_top(CLI::App& root, command& chosen);

}  // namespace gatherd::cli
