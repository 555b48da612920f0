/// \file
/// Follows the token that a connection's bytes may begin with: an HTTP request does.
#pragma once

#include <cstddef>

namespace gatherd::api::protocol {

/// A token of RFC 9110 (section 5.6.2), which may come in pieces of any size, and whether it is a JSON number.
///
/// Threads: one at a time. Cost: each byte is looked at once.
class first_token {
public:
    /// Goes on with the token. Returns where it ends, or `last` if it may go on.
    [[nodiscard]] const char* scan(const char* at, const char* last) noexcept;

    /// Whether the token, if it ends here, is a number as JSON spells it (RFC 8259, section 6).
    [[nodiscard]] bool is_number() const noexcept;

private:
    friend struct number_table;
    enum class state : unsigned char {
        begin,
        minus,
        zero,
        integer,
        point,
        fraction,
        exponent,
        sign,
        power,
        no_number,
        ended
    };

    state number_ = state::begin;
};

}  // namespace gatherd::api::protocol
