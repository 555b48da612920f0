/// \file
/// The JSON text of one setting.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <variant>

namespace gatherd::config {

/// The value, or what is wrong with the text. A name that is twice in one object is wrong: one of both would be
/// dropped. Nothing of the text but such a name is repeated: it may hold secrets.
[[nodiscard]] std::variant<nlohmann::ordered_json, std::string> read_json_text(std::string_view text);

/// nlohmann's words for what is wrong with a text, without its own prefix and place, and without what it has read
/// there.
[[nodiscard]] std::string parse_reason(std::string_view message);

/// "'NAME' is there twice", with a long name cut.
[[nodiscard]] std::string there_twice(std::string_view name);

}  // namespace gatherd::config
