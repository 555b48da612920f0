/// \file
/// The subcommand `functions`: what plans may call.
#pragma once

#include "cli/command.hpp"

namespace CLI {
class App;
}

namespace gatherd::cli {

void add_functions(CLI::App& root, command& chosen);

}  // namespace gatherd::cli
