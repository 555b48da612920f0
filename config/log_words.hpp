/// \file
/// How much the daemon's log says, and how.
#pragma once

namespace gatherd::config {

/// Each level includes those after it; `off` writes nothing.
enum class log_level { trace, debug, info, warn, error, off };

/// How its lines are written; `automatic`: text on a terminal and in systemd's journal, else JSON.
enum class log_format { automatic, text, json };

}  // namespace gatherd::config
