/// \file
/// The value of a setting as text and as JSON: reading it with the check of its type and range, and writing it.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "config/setting.hpp"

namespace gatherd::config {

/// What is wrong with a value, for a person: `0 is out of range (2 to 10000)`. Nothing: it was taken.
using value_fault = std::optional<std::string>;

/// Sets it from text, as flags and environment variables hold it. On a fault `into` is as before.
[[nodiscard]] value_fault assign_text(const setting& which, std::string_view text, settings& into);

/// Sets it from a value of the JSON file: numbers as numbers; times and sizes as text or bare numbers (seconds, bytes);
/// addresses as text or an array of texts. On a fault `into` is as before.
[[nodiscard]] value_fault assign_json(const setting& which, const nlohmann::ordered_json& value, settings& into);

/// The value as assign_text reads it back. Costs a copy of the settings.
[[nodiscard]] std::string value_text(const setting& which, const settings& from);

/// The value as assign_json reads it back.
[[nodiscard]] nlohmann::ordered_json value_json(const setting& which, const settings& from);

/// "number", "size", "time", "text", "level", "address list": what to write, as `--help` shows it.
[[nodiscard]] std::string_view type_name(const setting& which);

/// "2 to 10000", "1KiB to 2GiB"; for a level its names; empty where every text goes.
[[nodiscard]] std::string range_text(const setting& which);

}  // namespace gatherd::config
