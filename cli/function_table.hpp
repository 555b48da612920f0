/// \file
/// The daemon's functions as a page for people.
#pragma once

#include <string>

#include "api/value.hpp"

namespace gatherd::cli {

/// One line a function, in columns: its name with its parameters, its lane, its summary. Takes the result of the method
/// `functions`; what is missing there stays blank.
[[nodiscard]] std::string function_table(const api::value& functions);

}  // namespace gatherd::cli
