/// \file
/// Cutting the values out of JSON text that is known to be good, without reading them.
#pragma once

#include <string>
#include <string_view>

namespace gatherd::cli::jobs {

/// The text of the value that `rest` begins with; takes it off, with the spaces and the comma or colon behind it.
/// What is no JSON gives any text, but ends.
[[nodiscard]] std::string_view cut_value(std::string_view& rest) noexcept;

/// Adds a text as JSON, in quotes. False, and nothing is added: it is no UTF-8.
[[nodiscard]] bool append_text(std::string& json, std::string_view text);

/// The text that a value of JSON is, or the value's own text if it is of another type.
[[nodiscard]] std::string plain_text(std::string_view json);

}  // namespace gatherd::cli::jobs
