/// \file
/// The environment of this process.
#pragma once

#include "config/load.hpp"

namespace gatherd::cli {

/// All variables, for config to pick its own from. Call it while no other thread changes the environment.
[[nodiscard]] config::environment read_environment();

}  // namespace gatherd::cli
