/// \file
/// Follows JSON's grammar byte by byte, to find where a text ends or can no longer become JSON.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "api/protocol/number_scanner.hpp"
#include "api/protocol/utf8_scanner.hpp"

namespace gatherd::api::protocol {

/// Checks one JSON text that comes in pieces of any size.
///
/// It takes what message_decoder takes: strings are UTF-8, surrogate escapes come in pairs, and numbers with a point or
/// an exponent are within double.
///
/// Threads: one at a time. Memory: one bit a level of nesting. Cost: each byte is looked at once, about 1 ns or less.
/// Throws: std::bad_alloc.
class json_scanner {
public:
    enum class outcome {
        more,      ///< all bytes were taken, and the text goes on
        complete,  ///< its outermost bracket closed: `at` is after it
        scalar,    ///< a line feed ended a text without brackets: `at` is after it
        broken,    ///< `at` is the first byte that no JSON text can have here
        too_deep,  ///< one bracket more than allowed has opened: `at` is after it. Said once; scanning may go on
    };
    struct step {
        outcome what;
        const char* at;
    };

    explicit json_scanner(std::size_t max_depth) noexcept : max_depth_{max_depth} {}

    /// Goes on with the text. After `complete`, `scalar` or `broken` call `reset` first.
    [[nodiscard]] step scan(const char* first, const char* last);

    /// Whether the text would be a whole scalar if it ended here.
    [[nodiscard]] bool is_whole_scalar() const noexcept;

    /// Whether the text is broken because the number that ends where the scan stopped is beyond double.
    [[nodiscard]] bool number_is_too_great() const noexcept;

    /// Else: what JSON could have had there, in words.
    [[nodiscard]] std::string_view expected() const noexcept;

    /// Begins a new text.
    void reset() noexcept;

private:
    enum class state : unsigned char {
        value,
        value_or_end,
        key,
        key_or_end,
        colon,
        after_value,
        scalar_end,
        string,
        character,  // a string's, of several bytes
        escape,
        hex,
        second,  // half of a pair of surrogates: its backslash, and behind that
        second_escape,
        literal,
        minus,
        zero,
        integer,
        point,
        fraction,
        exponent,
        exponent_sign,
        exponent_digits,
    };

    // One token each or as much of it as came, and where that is quicker those after it.
    const char* scan_value(const char* at, const char* last);
    const char* scan_key(const char* at);
    const char* scan_colon(const char* at);
    const char* scan_after_value(const char* at, const char* last);
    const char* scan_scalar_end(const char* at);
    const char* scan_string(const char* at, const char* last);
    const char* scan_escape(const char* at);
    const char* scan_text(const char* at, const char* last);
    const char* scan_hex(const char* at);
    const char* scan_second(const char* at);
    const char* scan_literal(const char* at, const char* last);
    const char* scan_number(const char* begin, const char* at, const char* last);
    const char* end_number(const char* begin, const char* at);
    void open(bool object);
    void close();
    void end_value() noexcept { state_ = depth_ == 0 ? state::scalar_end : state::after_value; }

    std::size_t max_depth_;
    std::size_t depth_ = 0;             // brackets open
    std::vector<std::uint64_t> stack_;  // bit i: bracket i is an object's
    state state_ = state::value;
    outcome outcome_ = outcome::more;  // of the last token
    bool in_object_ = false;           // the innermost bracket is an object's
    bool told_depth_ = false;          // too_deep was said of this text
    bool in_key_ = false;              // the string under way is a member's name
    unsigned char hex_left_ = 0;       // digits that \u still needs
    bool is_surrogate_ = false;        // the digits of \u that came say so, or that it may become one
    bool wants_second_ = false;        // the first half of a pair came
    bool is_cut_ = false;              // the number under way began in an earlier piece
    const char* literal_ = "";         // what must still come of true, false or null
    utf8_scanner utf8_;                // of the string under way
    number_scanner number_;            // of the number under way, if it is cut
};

}  // namespace gatherd::api::protocol
