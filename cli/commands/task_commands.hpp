/// \file
/// The subcommands for tasks that outlive the command: `create`, `tasks`, `status`, `await` and `cancel`.
#pragma once

#include "cli/command.hpp"

namespace CLI {
class App;
}

namespace gatherd::cli {

void add_task_commands(CLI::App& root, command& chosen);

}  // namespace gatherd::cli
