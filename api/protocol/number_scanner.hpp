/// \file
/// Follows a number that comes in pieces, to tell whether a double can hold it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace gatherd::api::protocol {

/// Takes the text of one number as JSON writes it, in pieces of any size, and knows at its end whether it is beyond
/// double: whether the double nearest to it is an infinity. Exact, for any number of digits.
///
/// Threads: one at a time. Memory: a few words. Cost: a nanosecond or so a byte. Never throws.
class number_scanner {
public:
    /// Goes on with the number.
    void scan(std::string_view piece) noexcept;

    /// Whether the number would be beyond double if it ended here.
    [[nodiscard]] bool is_beyond_double() const noexcept;

private:
    enum class part : unsigned char { integer, fraction, exponent };

    void take_digit(char digit) noexcept;

    // The number is 0.DIGITS * 10^(scale_ + exponent), its first digit no zero.
    std::int64_t scale_ = 0;
    std::int64_t exponent_ = 0;  // without its sign; where it ceases to matter it grows no more
    std::size_t equal_ = 0;      // leading digits that are those of the least number beyond double
    bool has_digits_ = false;    // one that is no zero has come
    bool is_decided_ = false;    // a digit has come that is another than that number's
    bool is_above_ = false;      // and it was the greater one
    bool is_negative_ = false;   // the exponent
    part part_ = part::integer;
};

}  // namespace gatherd::api::protocol
