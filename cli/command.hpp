/// \file
/// How a subcommand takes part in the command line.
#pragma once

#include <functional>

namespace gatherd::cli {

/// What to do once the command line has been read; gives the exit status. Empty until a subcommand is named.
using command = std::function<int()>;

}  // namespace gatherd::cli
