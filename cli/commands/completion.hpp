/// \file
/// Completion of command lines in shells.
#pragma once

#include <string>

#include "cli/command_tree.hpp"

namespace gatherd::cli {

// Scripts for the user's shell to read. Names of functions are asked of the daemon when they are needed.
[[nodiscard]] std::string bash_completion(const command_words& root);
[[nodiscard]] std::string zsh_completion(const command_words& root);
[[nodiscard]] std::string fish_completion(const command_words& root);

}  // namespace gatherd::cli
