/// \file
/// The subcommand `call`: one function with arguments from the command line.
#pragma once

#include <string>
#include <vector>

#include "cli/command.hpp"

namespace CLI {
class App;
}

namespace gatherd::cli {

/// Marks the words of a command line, without the program's name, that the parser would take for a list of its own,
/// such as `[1,2]`; `call` takes the marks off. Does nothing to other subcommands.
void shield_arguments(std::vector<std::string>& words);

void add_call(CLI::App& root, command& chosen);

}  // namespace gatherd::cli
