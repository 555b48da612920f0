/// \file
/// A text of a client's as a message may show it.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace gatherd::api {

/// The text, or as many of its first bytes as end between two characters of UTF-8, never inside one, and are at most
/// `most`.
[[nodiscard]] inline std::string_view first_bytes(std::string_view text, std::size_t most) noexcept {
    if (text.size() <= most) {
        return text;
    }
    constexpr unsigned continuation_mask = 0xC0;
    constexpr unsigned continuation = 0x80;
    while (most > 0 && (static_cast<unsigned char>(text[most]) & continuation_mask) == continuation) {
        --most;
    }
    return {text.data(), most};
}

/// The text, or its first bytes and `...` if it has more than `most`.
[[nodiscard]] inline std::string shortened(std::string_view text, std::size_t most = 80) {
    return std::string{first_bytes(text, most)} + (text.size() > most ? "..." : "");
}

/// A line as it may stand in a log: shortened, and without control characters, which are escaped.
[[nodiscard]] inline std::string loggable(std::string_view line, std::size_t most = 300) {
    constexpr std::string_view digits = "0123456789abcdef";
    constexpr unsigned char last_control = 0x1f;
    constexpr unsigned char del = 0x7f;
    std::string text;
    for (const char each : shortened(line, most)) {
        const auto byte = static_cast<unsigned char>(each);
        if ((byte <= last_control && each != '\t') || byte == del) {
            text += {'\\', 'x', digits[byte >> 4U], digits[byte & 15U]};
        } else {
            text += each;
        }
    }
    return text;
}

}  // namespace gatherd::api
