/// \file
/// The subcommand `bench`: a load test against a daemon, or any server that speaks its protocol.
#pragma once

#include "cli/command.hpp"

namespace CLI {
class App;
}

namespace gatherd::cli::bench {

void add_bench(CLI::App& root, command& chosen);

}  // namespace gatherd::cli::bench
