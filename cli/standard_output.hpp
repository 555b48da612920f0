/// \file
/// Writing to the standard streams when their reader may go away.
#pragma once

#include <string_view>

namespace gatherd::cli {

/// Writes to standard output and flushes. Gives exit_status::fine, also when the reader has closed its end of the pipe,
/// as `head` does; exit_status::task_failed with a line on standard error when it cannot be written otherwise.
[[nodiscard]] int write_out(std::string_view text);

/// Writes a line for people to standard error; what cannot be written is lost.
void say(std::string_view line);

}  // namespace gatherd::cli
