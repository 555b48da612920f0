/// \file
/// The subcommands that tell of the command line itself: `help`, `version`, `completion` and `man`.
#pragma once

#include <string>
#include <string_view>
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

/// The text of --help with lines of at most 80 columns: words go to the next line, below the column of descriptions
/// that they are in. Examples stay as they are: a command that is cut is none.
[[nodiscard]] std::string fitted_help(std::string_view text);

}  // namespace gatherd::cli
