/// \file
/// A text of a client's as a message may show it.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace gatherd::api {

/// The text, or its first bytes and `...` if it has more than `most`. It is cut between two characters of UTF-8, never
/// inside one.
[[nodiscard]] inline std::string shortened(std::string_view text, std::size_t most = 80) {
    if (text.size() <= most) {
        return std::string{text};
    }
    constexpr unsigned continuation_mask = 0xC0;
    constexpr unsigned continuation = 0x80;
    while (most > 0 && (static_cast<unsigned char>(text[most]) & continuation_mask) == continuation) {
        --most;
    }
    return std::string{text.substr(0, most)} + "...";
}

}  // namespace gatherd::api
