/// \file
/// What the system refuses, as Python raises it.
#pragma once

#include <string>

#include "api/plan/model/function.hpp"

namespace gatherd::api::functions {

/// The exception that an errno is: FileNotFoundError, FileExistsError, IsADirectoryError, NotADirectoryError,
/// PermissionError or OSError; its message is `about`, a colon and the system's text.
[[nodiscard]] plan::raised system_failure(int number, const std::string& about);

}  // namespace gatherd::api::functions
