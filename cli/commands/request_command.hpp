/// \file
/// The subcommand `request`: any method of the protocol.
#pragma once

#include "cli/command.hpp"

namespace CLI {
class App;
}

namespace gatherd::cli {

void add_request(CLI::App& root, command& chosen);

}  // namespace gatherd::cli
