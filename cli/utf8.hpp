/// \file
/// The characters of a text that others have written.
#pragma once

#include <cstddef>
#include <string_view>

namespace gatherd::cli {

struct utf8_character {
    char32_t code = 0;
    std::size_t bytes = 0;  ///< that it takes; 0: it is no UTF-8
};

/// The character that the text begins with. Precondition: the text is not empty.
[[nodiscard]] utf8_character first_character(std::string_view text) noexcept;

}  // namespace gatherd::cli
