/// \file
/// The subcommand `call`: one function with arguments from the command line.
#pragma once

#include "cli/command.hpp"

namespace CLI {
class App;
}

namespace gatherd::cli {

void add_call(CLI::App& root, command& chosen);

}  // namespace gatherd::cli
