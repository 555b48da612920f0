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

/// How many bytes the character has with which a text begins, in UTF-8 (RFC 3629, section 4); 0: it begins with none.
[[nodiscard]] inline std::size_t first_character_bytes(std::string_view text) noexcept {
    const auto byte = [text](std::size_t at) { return at < text.size() ? static_cast<unsigned char>(text[at]) : 0U; };
    const unsigned lead = byte(0);
    if (lead < 0x80) {
        return text.empty() ? 0 : 1;
    }
    const std::size_t size = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
    const unsigned least = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;  // neither longer than it has to be,
    const unsigned most = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;   // a surrogate, nor above U+10FFFF
    bool is_one = lead >= 0xC2 && lead <= 0xF4 && byte(1) >= least && byte(1) <= most;
    for (std::size_t i = 2; i < size; ++i) {
        is_one = is_one && byte(i) >= 0x80 && byte(i) <= 0xBF;
    }
    return is_one ? size : 0;
}

/// A line as it may stand in a log or a message: shortened, in UTF-8, and without control characters. What is none, and
/// these, is escaped byte by byte.
[[nodiscard]] inline std::string loggable(std::string_view line, std::size_t most = 300) {
    constexpr std::string_view digits = "0123456789abcdef";
    const std::string shown = shortened(line, most);
    std::string text;
    for (std::string_view rest = shown; !rest.empty();) {
        const std::size_t size = first_character_bytes(rest);
        const auto first = static_cast<unsigned char>(rest[0]);
        const bool is_c0 = size == 1 && ((first < 0x20 && first != '\t') || first == 0x7F);
        const bool is_c1 = size == 2 && first == 0xC2 && static_cast<unsigned char>(rest[1]) < 0xA0;
        const std::string_view character = rest.substr(0, size == 0 ? 1 : size);
        for (const char each : character) {
            const auto byte = static_cast<unsigned char>(each);
            if (size == 0 || is_c0 || is_c1) {
                text += {'\\', 'x', digits[byte >> 4U], digits[byte & 15U]};
            } else {
                text += each;
            }
        }
        rest.remove_prefix(character.size());
    }
    return text;
}

}  // namespace gatherd::api
