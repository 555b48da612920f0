/// \file
/// What a misspelt setting may have meant.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace gatherd::config {

/// The candidate nearest to `name`, or empty if none is near enough to be worth proposing. A last part alone finds its
/// whole name: "message_bytes" means "limits.message_bytes". Case and '-' for '_' are no difference.
[[nodiscard]] std::string_view nearest_name(std::string_view name, std::span<const std::string> candidates);

}  // namespace gatherd::config
