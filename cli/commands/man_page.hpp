/// \file
/// The command line's declarations as a man page.
#pragma once

#include <string>

#include "cli/command_tree.hpp"

namespace gatherd::cli {

/// In the man(7) macros of roff.
[[nodiscard]] std::string man_page(const command_words& root, const std::string& version);

}  // namespace gatherd::cli
