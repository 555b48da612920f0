/// \file
/// Finds where runs of like bytes end, eight at a time: most bytes of most messages stand in one.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace gatherd::api::protocol {

[[nodiscard]] constexpr bool is_space(char byte) noexcept {
    return byte == ' ' || byte == '\n' || byte == '\r' || byte == '\t';
}

/// The quote, the backslash and control characters, which end the plain text of a string.
[[nodiscard]] constexpr bool ends_text(char byte) noexcept {
    return byte == '"' || byte == '\\' || static_cast<unsigned char>(byte) < 0x20;
}

/// A string's text of whatever bytes.
struct any_text {
    [[nodiscard]] static constexpr bool ends(char byte) noexcept { return ends_text(byte); }

    /// A mask with the high bit set of each byte of `word` that ends the run; exact up to and including the first one,
    /// since only there a subtraction borrows.
    [[nodiscard]] static constexpr std::uint64_t ends_in(std::uint64_t word) noexcept {
        const auto quote = word ^ 0x2222222222222222U;
        const auto backslash = word ^ 0x5c5c5c5c5c5c5c5cU;
        const auto ends = ((quote - 0x0101010101010101U) & ~quote) | ((backslash - 0x0101010101010101U) & ~backslash) |
                          ((word - 0x2020202020202020U) & ~word);
        return ends & 0x8080808080808080U;
    }
};

/// As much of it as is ASCII.
struct ascii_text {
    [[nodiscard]] static constexpr bool ends(char byte) noexcept {
        return ends_text(byte) || static_cast<unsigned char>(byte) >= 0x80;
    }

    /// As any_text's, and cheaper, since a byte with the high bit set is one that ends the run.
    [[nodiscard]] static constexpr std::uint64_t ends_in(std::uint64_t word) noexcept {
        const auto quote = (word ^ 0x2222222222222222U) - 0x0101010101010101U;
        const auto backslash = (word ^ 0x5c5c5c5c5c5c5c5cU) - 0x0101010101010101U;
        return (word | quote | backslash | (word - 0x2020202020202020U)) & 0x8080808080808080U;
    }
};

/// The first byte that ends the run.
template <typename Run>
[[nodiscard]] inline const char* skip_run(const char* at, const char* last) noexcept {
    static constexpr auto ends = [] {
        std::array<bool, 256> table{};
        for (std::size_t i = 0; i < table.size(); ++i) {
            table[i] = Run::ends(static_cast<char>(static_cast<unsigned char>(i)));
        }
        return table;
    }();
    if constexpr (std::endian::native == std::endian::little) {
        while (last - at >= 8) {
            std::uint64_t word = 0;
            std::memcpy(&word, at, sizeof word);
            if (const auto found = Run::ends_in(word); found != 0) {
                return at + std::countr_zero(found) / 8;
            }
            at += 8;
        }
    }
    while (at != last && !ends[static_cast<unsigned char>(*at)]) {
        ++at;
    }
    return at;
}

/// The first byte that is no white space. Mostly that is a line end and some spaces, which go eight at a time.
[[nodiscard]] inline const char* skip_space(const char* at, const char* last) noexcept {
    while (at != last && is_space(*at)) {
        ++at;
        if constexpr (std::endian::native == std::endian::little) {
            while (last - at >= 8) {
                std::uint64_t word = 0;
                std::memcpy(&word, at, sizeof word);
                word ^= 0x2020202020202020U;
                if (word != 0) {
                    at += std::countr_zero(word) / 8;
                    break;
                }
                at += 8;
            }
        }
    }
    return at;
}

/// The same where mostly there is none.
[[nodiscard]] inline const char* past_space(const char* at, const char* last) noexcept {
    return at != last && static_cast<unsigned char>(*at) <= ' ' ? skip_space(at, last) : at;
}

}  // namespace gatherd::api::protocol
