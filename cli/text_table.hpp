/// \file
/// Rows of texts in columns, for people.
#pragma once

#include <string>
#include <vector>

namespace gatherd::cli {

/// Each row on a line, columns two spaces apart and as wide as their longest text. A row may be shorter than others.
[[nodiscard]] std::string text_table(const std::vector<std::vector<std::string>>& rows);

}  // namespace gatherd::cli
