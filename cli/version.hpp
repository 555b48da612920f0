/// \file
/// The version of this build.
#pragma once

#include <string_view>

namespace gatherd::cli {

/// As CMake's project() states it: "1.2.3".
[[nodiscard]] std::string_view version() noexcept;

}  // namespace gatherd::cli
