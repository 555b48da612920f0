/// \file
/// What the program's exit status tells a script. docs/OPERATIONS.md and the text of `gatherd --help` say the same.
#pragma once

namespace gatherd::cli::exit_status {

inline constexpr int fine = 0;
inline constexpr int task_failed = 1;          ///< of the plan; or its result could not be written
inline constexpr int usage = 2;                ///< of the command line or the settings; or the plan was refused
inline constexpr int no_connection = 3;        ///< none could be made, or it was lost before the answer
inline constexpr int timed_out = 4;            ///< the request's own timeout ran out, or the command's deadline
inline constexpr int refused_for_now = 5;      ///< overloaded, over a limit, shutting down, cancelled by someone else
inline constexpr int not_let_in = 6;           ///< no token, a wrong one, or one without the right
inline constexpr int cancelled_by_key = 130;   ///< by Ctrl-C, as shells say it: 128 + SIGINT
inline constexpr int cancelled_by_term = 143;  ///< by SIGTERM: 128 + SIGTERM

}  // namespace gatherd::cli::exit_status
