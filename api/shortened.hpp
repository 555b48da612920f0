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

}  // namespace gatherd::api
