/// \file
/// Follows UTF-8 that comes in pieces, to the first byte that it cannot have.
#pragma once

namespace gatherd::api::protocol {

/// Checks text that comes in pieces of any size. Overlong forms, surrogates and what is beyond the last code point are
/// no UTF-8.
///
/// Threads: one at a time. Memory: four bytes. Cost: linear; long pieces go many bytes at a time. Never throws.
class utf8_scanner {
public:
    /// Goes on with the text: the first byte that no UTF-8 can have here, or `last`.
    [[nodiscard]] const char* scan(const char* first, const char* last) noexcept;

    /// Whether the text would end inside a character if it ended here.
    [[nodiscard]] bool is_inside() const noexcept { return left_ != 0; }

private:
    [[nodiscard]] const char* scan_bytes(const char* first, const char* last) noexcept;

    unsigned char left_ = 0;      // bytes that the character under way still needs
    unsigned char least_ = 0x80;  // of the next of them
    unsigned char most_ = 0xBF;
};

}  // namespace gatherd::api::protocol
