/// \file
/// A file that holds a secret.
#pragma once

#include <optional>
#include <string>

namespace gatherd::cli {

/// The secret: the file's first line, without the line's end. Throws std::runtime_error that names the file and says
/// why there is none.
[[nodiscard]] std::string read_secret(const std::string& file);

/// A line for the operator if every user of the machine may read the file; nothing if not, or if the file is not there.
[[nodiscard]] std::optional<std::string> secret_exposure(const std::string& setting, const std::string& file);

}  // namespace gatherd::cli
