/// \file
/// Numbers as text, by a format of printf.
#pragma once

#include <array>
#include <cstdio>
#include <string>

namespace gatherd::cli::bench {

/// At most 511 characters.
template <typename... Values>
std::string printf_text(const char* format, Values... values) {
    std::array<char, 512> text{};
    std::snprintf(text.data(), text.size(), format, values...);
    return text.data();
}

}  // namespace gatherd::cli::bench
