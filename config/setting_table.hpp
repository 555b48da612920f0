/// \file
/// Every setting, declared once. The check of the file, the environment variables, the flags, `--help`, `config print`
/// and the table in docs/OPERATIONS.md all come from here; the defaults are those of a default-constructed `settings`.
#pragma once

#include <span>
#include <string_view>

#include "config/setting.hpp"

namespace gatherd::config {

/// All settings, in the order in which people are shown them. Lives for ever.
[[nodiscard]] std::span<const setting> setting_table();

/// The setting of exactly that name, or null.
[[nodiscard]] const setting* find_setting(std::string_view name);

/// Whether names go on after it: "limits" is a group, since there is "limits.depth".
[[nodiscard]] bool is_group(std::string_view name);

}  // namespace gatherd::config
