/// \file
/// `gatherd serve`: the daemon, from its start to its end.
#pragma once

#include <functional>

#include "config/settings.hpp"

namespace gatherd::cli {

/// Runs the daemon until SIGTERM or SIGINT, and gives its exit status: 0 stopped cleanly, 1 could not start.
///
/// The first of these drains: the ports are closed, what was accepted is answered, and after drain.grace what still
/// runs is cancelled and answered. A second one ends the process at once, with 128 and its number.
///
/// SIGHUP calls `read_again`, which gives the settings as they are now or throws what is wrong with them, and takes
/// what may change while the daemon runs: all of it, or nothing where anything is wrong. Throws usage_error where
/// settings do not go together.
[[nodiscard]] int serve(const config::settings& settings, const std::function<config::settings()>& read_again);

}  // namespace gatherd::cli
