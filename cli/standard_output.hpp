/// \file
/// Writing to the standard streams: all that a client of the daemon shows goes through here. Their reader may go away;
/// and if it is a terminal, no text of others may command it, so control characters are escaped there.
#pragma once

#include <string>
#include <string_view>

namespace gatherd::cli {

/// The text with every control character but tab and line feed written as JSON does (`\u001b`): those of ASCII, and of
/// UTF-8 U+0080 to U+009F. Each byte that is no UTF-8 is written as `\x9b`. JSON stays the same JSON.
[[nodiscard]] std::string without_controls(std::string_view text);

/// Writes to standard output and flushes. Gives exit_status::fine, also when the reader has closed its end of the pipe,
/// as `head` does; exit_status::task_failed with a line on standard error when it cannot be written otherwise.
[[nodiscard]] int write_out(std::string_view data);

/// Writes a line for people to standard error; what cannot be written is lost.
void say(std::string_view line);

/// Writes a line to standard error, in one piece with what only steers the terminal: `before` and `after` are written
/// as they are.
void write_line(std::string_view line, std::string_view before, std::string_view after);

}  // namespace gatherd::cli
