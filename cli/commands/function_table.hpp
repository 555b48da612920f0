/// \file
/// The daemon's functions as a page for people.
#pragma once

#include <string>
#include <string_view>

#include "gatherd/api/value.hpp"

namespace gatherd::cli {

/// One line a function, in columns: its name with its parameters, its lane, its summary. Takes the result of the method
/// `functions`; what is missing there stays blank.
[[nodiscard]] std::string function_table(const api::value& functions);

/// One of them as a page, like that of a manual; `functions` is the daemon's list. Empty if there is none of that name.
[[nodiscard]] std::string function_page(const api::value& functions, std::string_view name);

}  // namespace gatherd::cli
