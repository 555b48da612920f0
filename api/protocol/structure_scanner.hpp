/// \file
/// Follows the structure of a JSON text byte by byte, to find where it ends.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

namespace gatherd::api::protocol {

/// Checks the structure of one JSON text, which may come in pieces of any size: that brackets match, that commas and
/// colons are in place, and that no string holds a raw line feed. How numbers, literals, escapes and characters are
/// spelt is not looked at: whoever decodes the text does that.
///
/// Threads: one at a time. Memory: one bit a level of nesting. Cost: each byte is looked at once. Throws:
/// std::bad_alloc.
class structure_scanner {
public:
    enum class outcome : unsigned char {
        more,      ///< all bytes were taken, and the text goes on
        complete,  ///< its outermost bracket closed: `at` is after it
        scalar,    ///< a line feed ended a text without brackets: `at` is that line feed
        broken,    ///< `at` is the first byte that no JSON text can have here
        too_deep,  ///< one bracket more than allowed has opened: `at` is after it. Said once; scanning may go on
    };
    struct step {
        outcome what;
        const char* at;
    };

    explicit structure_scanner(std::size_t max_depth) noexcept : max_depth_{static_cast<std::uint32_t>(max_depth)} {}

    /// Brackets that may be open at once.
    [[nodiscard]] std::size_t max_depth() const noexcept { return max_depth_; }

    /// Goes on with the text. After `complete`, `scalar` or `broken` call `reset` first.
    [[nodiscard]] step scan(const char* at, const char* last);

    /// Whether the text would be a whole scalar if it ended here.
    [[nodiscard]] bool is_whole_scalar() const noexcept {
        return nesting_.depth == 0 && (state_ == state::bare || state_ == state::after_value);
    }

    /// After `broken`: what JSON could have had there, in words.
    [[nodiscard]] std::string_view expected() const noexcept;

    /// Begins a new text.
    void reset() noexcept;

private:
    friend struct scanner_table;
    enum class state : unsigned char {
        value,         // a value must begin
        value_or_end,  // so after the bracket of an array
        name,          // a member's name must begin
        name_or_end,   // so after the bracket of an object
        colon,
        bare,  // in a number or a literal, which may end anywhere
        after_value,
        text,       // in a string that is a value
        name_text,  // in one that is a member's name
    };

    // The brackets that are open. Small, so that a scan can work on a copy in registers.
    struct nesting {
        std::size_t depth = 0;
        std::uint64_t levels = 0;  // a bit for each of the innermost 64 or fewer, the last one lowest: an object's

        [[nodiscard]] bool in_object() const noexcept { return (levels & 1U) != 0; }
    };

    [[nodiscard]] const char* end_of_string(const char* at, const char* last) noexcept;
    void open(nesting& nest, bool object);
    void close(nesting& nest) noexcept;

    nesting nesting_;
    std::unique_ptr<std::vector<std::uint64_t>> outer_;  // the levels around those of nesting_, 64 each; null: none yet
    std::uint32_t max_depth_;
    state state_ = state::value;
    bool is_escaped_ = false;  // in a string: a backslash was the last byte
    bool told_depth_ = false;  // too_deep was said of this text
};

}  // namespace gatherd::api::protocol
