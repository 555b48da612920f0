/// \file
/// How much the daemon's log says.
#pragma once

namespace gatherd::config {

/// Each level includes those after it; `off` writes nothing.
enum class log_level { trace, debug, info, warn, error, off };

}  // namespace gatherd::config
