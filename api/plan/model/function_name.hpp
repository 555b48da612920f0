/// \file
/// Which names a function may have that is none of the daemon's own.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "api/plan/model/registry.hpp"

namespace gatherd::api::plan {

/// Of functions and of their parameters.
constexpr std::size_t most_name_bytes = 128;

/// Why a function must not have that name, or nothing if it may: it is no name, the daemon's own `functions` have it,
/// or its family (what is before the first dot) is reserved for them.
[[nodiscard]] std::optional<std::string> why_unusable(std::string_view name, const registry& functions);

}  // namespace gatherd::api::plan
