/// \file
/// `gatherd serve`: the daemon, from its start to its end.
#pragma once

#include "config/settings.hpp"

namespace gatherd::cli {

/// Runs the daemon until SIGTERM or SIGINT, and gives its exit status: 0 stopped cleanly, 1 could not start.
///
/// The first signal drains: the ports are closed, what was accepted is answered, and after drain.grace what still runs
/// is cancelled and answered. A second signal ends the process at once, with 128 and its number.
[[nodiscard]] int serve(const config::settings& settings);

}  // namespace gatherd::cli
