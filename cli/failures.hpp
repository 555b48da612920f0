/// \file
/// The ends of a command that its user can do something about; main turns each into a line and an exit status.
#pragma once

#include <functional>
#include <initializer_list>
#include <stdexcept>
#include <string>

namespace gatherd::cli {

/// The command line, a file or an environment variable is not as it should be.
struct usage_error : std::runtime_error {
    using std::runtime_error::runtime_error;
};

/// There is no connection to a daemon, or no longer.
struct connection_error : std::runtime_error {
    using std::runtime_error::runtime_error;
};

/// The command's own deadline has passed.
struct timeout_error : std::runtime_error {
    using std::runtime_error::runtime_error;
};

/// The daemon's answer ends the command, with this exit status.
struct refusal_error : std::runtime_error {
    refusal_error(const std::string& text, int status) : std::runtime_error{text}, exit_status{status} {}
    int exit_status;
};

/// Calls each, and throws one usage_error with what all of them have thrown, a line each: whoever has made two mistakes
/// is told of both.
void check_all(std::initializer_list<std::function<void()>> checks);

}  // namespace gatherd::cli
