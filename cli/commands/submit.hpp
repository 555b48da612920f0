/// \file
/// The subcommands `submit` and `run`: a plan or a batch, by a daemon or in this process.
#pragma once

#include "cli/command.hpp"

namespace CLI {
class App;
}

namespace gatherd::cli {

void add_submit(CLI::App& root, command& chosen);
void add_run(CLI::App& root, command& chosen);

}  // namespace gatherd::cli
