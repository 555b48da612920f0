/// \file
/// The file that a command line names as its input.
#pragma once

#include <string>

namespace gatherd::cli {

/// All of a file; "-" is standard input. Throws usage_error with the reason if it cannot be read.
[[nodiscard]] std::string read_input(const std::string& file);

}  // namespace gatherd::cli
