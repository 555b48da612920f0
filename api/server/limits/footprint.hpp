/// \file
/// How much memory a value holds.
#pragma once

#include <cstddef>

#include "api/value.hpp"

namespace gatherd::api::server {

/// About how many bytes a value holds, itself included: not its length as text, of which a number has few. Cost:
/// linear.
[[nodiscard]] std::size_t footprint(const value& of);

}  // namespace gatherd::api::server
