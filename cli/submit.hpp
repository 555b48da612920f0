/// \file
/// The subcommand `submit`: a plan or a batch from a file or standard input.
#pragma once

#include "cli/command.hpp"

namespace CLI {
class App;
}

namespace gatherd::cli {

void add_submit(CLI::App& root, command& chosen);

}  // namespace gatherd::cli
