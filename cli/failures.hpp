/// \file
/// The ends of a command that its user can do something about; main turns each into a line and an exit status.
#pragma once

#include <stdexcept>

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

}  // namespace gatherd::cli
