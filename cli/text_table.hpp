/// \file
/// Rows of texts in columns, for people.
#pragma once

#include <string>
#include <vector>

namespace gatherd::cli {

/// Each row on a line, columns two spaces apart and as wide as their longest text. A row may be shorter than others.
/// Control characters in them are escaped, line feed and tab too: a text of others makes no row of its own.
[[nodiscard]] std::string text_table(std::vector<std::vector<std::string>> rows);

}  // namespace gatherd::cli
