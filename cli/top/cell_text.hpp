/// \file
/// Texts of others in columns of a terminal.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace gatherd::cli::top {

enum class alignment { left, right };

/// The text in exactly so many columns, cut or filled with spaces. Control characters are written as `\x1b`; what is no
/// UTF-8, or cannot be shown in the locale (LC_CTYPE), as `?`; so are characters that reorder a line.
[[nodiscard]] std::string fitted(std::string_view text, std::size_t columns, alignment align = alignment::left);

/// How many columns the text takes, shown so.
[[nodiscard]] std::size_t columns_of(std::string_view text);

/// "950", "12.3k", "4.56M": a number in at most five columns, as long as it is below 10^15.
[[nodiscard]] std::string short_number(double number);

/// "1.2 MiB"
[[nodiscard]] std::string short_bytes(double bytes);

/// "250us", "12.3ms", "4.56s", "12m34s", "3h05m", "12d04h"
[[nodiscard]] std::string short_time(double seconds);

}  // namespace gatherd::cli::top
