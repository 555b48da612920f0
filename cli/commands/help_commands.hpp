/// \file
/// The subcommands that tell of the command line itself: `help`, `version`, `completion` and `man`.
#pragma once

#include <string>
#include <vector>

#include "cli/command.hpp"

namespace CLI {
class App;
}

namespace gatherd::cli {

/// The root must live as long as `chosen`.
void add_help_commands(CLI::App& root, command& chosen);

/// `help COMMAND` as `COMMAND --help`. Throws usage_error if there is no such command.
void rewrite_help(std::vector<std::string>& words, const CLI::App& root);

}  // namespace gatherd::cli
