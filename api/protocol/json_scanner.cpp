#include "api/protocol/json_scanner.hpp"

#include <cstring>
#include <utility>

#include "api/protocol/byte_runs.hpp"

namespace gatherd::api::protocol {
namespace {

constexpr bool is_digit(char byte) noexcept {
    return byte >= '0' && byte <= '9';
}

// A number with a point that has no more bytes and no exponent is less than 10^300.
constexpr std::ptrdiff_t no_great_number = 300;

}  // namespace

const char* json_scanner::scan_value(const char* at, const char* last) {
    switch (*at) {
        case '"':
            state_ = state::string;
            in_key_ = false;
            return at + 1;
        case '{':
            open(true);
            return at + 1;
        case '[':
            open(false);
            return at + 1;
        case 't':
            literal_ = "rue";
            state_ = state::literal;
            return at + 1;
        case 'f':
            literal_ = "alse";
            state_ = state::literal;
            return at + 1;
        case 'n':
            literal_ = "ull";
            state_ = state::literal;
            return at + 1;
        case '-':
            state_ = state::minus;
            return scan_number(at, at + 1, last);
        case '0':
            state_ = state::zero;
            return scan_number(at, at + 1, last);
        case ']':
            if (state_ == state::value_or_end) {
                close();
                return at + 1;
            }
            break;
        default:
            if (is_digit(*at)) {
                state_ = state::integer;
                return scan_number(at, at + 1, last);
            }
    }
    outcome_ = outcome::broken;
    return at;
}

const char* json_scanner::scan_key(const char* at) {
    if (*at == '"') {
        state_ = state::string;
        in_key_ = true;
        return at + 1;
    }
    if (*at == '}' && state_ == state::key_or_end) {
        close();
        return at + 1;
    }
    outcome_ = outcome::broken;
    return at;
}

const char* json_scanner::scan_colon(const char* at) {
    if (*at != ':') {
        outcome_ = outcome::broken;
        return at;
    }
    state_ = state::value;
    return at + 1;
}

// Inside brackets: goes on to where the next name or value must begin, through all brackets that close on the way.
const char* json_scanner::scan_after_value(const char* at, const char* last) {
    for (;;) {
        at = past_space(at, last);
        if (at == last) {
            return at;
        }
        if (*at == ',') {
            state_ = in_object_ ? state::key : state::value;
            return past_space(at + 1, last);
        }
        if (*at != (in_object_ ? '}' : ']')) {
            outcome_ = outcome::broken;
            return at;
        }
        ++at;
        close();
        if (outcome_ == outcome::complete) {
            return at;
        }
    }
}

const char* json_scanner::scan_scalar_end(const char* at) {
    if (!is_space(*at)) {
        outcome_ = outcome::broken;
        return at;
    }
    if (*at == '\n') {
        outcome_ = outcome::scalar;
    }
    return at + 1;
}

// Stays here for what most of a message is: a name and a string after it, a string and a comma and the next string.
const char* json_scanner::scan_string(const char* at, const char* last) {
    for (;;) {
        at = skip_run<ascii_text>(at, last);
        if (at == last) {
            return at;
        }
        if (*at != '"') {
            if (*at == '\\') {
                state_ = state::escape;
                return at + 1;
            }
            if (static_cast<unsigned char>(*at) >= 0x80) {
                return scan_text(at, last);
            }
            outcome_ = outcome::broken;
            return at;
        }
        ++at;
        if (in_key_) {
            state_ = state::colon;
            at = past_space(at, last);
            if (at == last || *at != ':') {
                return at;
            }
            state_ = state::value;
            at = past_space(at + 1, last);
        } else {
            end_value();
            if (depth_ == 0) {
                return at;
            }
            at = scan_after_value(at, last);
            if (outcome_ != outcome::more || state_ == state::after_value) {
                return at;
            }
        }
        if (at == last || *at != '"') {
            return at;
        }
        in_key_ = state_ == state::key;
        state_ = state::string;
        ++at;
    }
}

// The text of a string from its first byte on that is not ASCII, or from inside a character.
const char* json_scanner::scan_text(const char* at, const char* last) {
    const char* const end = skip_run<any_text>(at, last);
    at = utf8_.scan(at, end);
    state_ = utf8_.is_inside() ? state::character : state::string;
    if (at != end || (at != last && utf8_.is_inside())) {
        outcome_ = outcome::broken;
    }
    return at;
}

const char* json_scanner::scan_escape(const char* at) {
    if (*at == 'u') {
        state_ = state::hex;
        hex_left_ = 4;
    } else if (*at != '\0' && std::strchr("\"\\/bfnrt", *at) != nullptr) {
        state_ = state::string;
    } else {
        outcome_ = outcome::broken;
        return at;
    }
    return at + 1;
}

// Four digits. From d800 to dbff they are the first half of a character, and those of the second, from dc00 to dfff,
// must come in the next escape; nowhere else may they come.
const char* json_scanner::scan_hex(const char* at) {
    const auto digit = static_cast<char>(*at | 0x20);  // in small letters
    const bool is_hex = is_digit(*at) || (digit >= 'a' && digit <= 'f');
    bool is_possible = is_hex;
    if (hex_left_ == 4) {
        is_surrogate_ = digit == 'd';
        is_possible = is_hex && (is_surrogate_ || !wants_second_);
    } else if (hex_left_ == 3 && is_surrogate_) {
        const bool is_second = digit >= 'c';
        is_possible = is_hex && is_second == wants_second_;
        is_surrogate_ = digit >= '8';
    }
    if (!is_possible) {
        outcome_ = outcome::broken;
        return at;
    }
    if (--hex_left_ == 0) {
        wants_second_ = is_surrogate_ && !wants_second_;
        state_ = wants_second_ ? state::second : state::string;
    }
    return at + 1;
}

// What a second half must begin with.
const char* json_scanner::scan_second(const char* at) {
    if (*at != (state_ == state::second ? '\\' : 'u')) {
        outcome_ = outcome::broken;
        return at;
    }
    if (state_ == state::second) {
        state_ = state::second_escape;
    } else {
        state_ = state::hex;
        hex_left_ = 4;
    }
    return at + 1;
}

const char* json_scanner::scan_literal(const char* at, const char* last) {
    while (at != last && *literal_ != '\0') {
        if (*at != *literal_) {
            outcome_ = outcome::broken;
            return at;
        }
        ++at;
        ++literal_;
    }
    if (*literal_ == '\0') {
        end_value();
    }
    return at;
}

// Behind the last byte of a number that began at `begin`, or came from there on in this piece.
const char* json_scanner::end_number(const char* begin, const char* at) {
    const bool has_exponent = state_ == state::exponent_digits;
    bool is_beyond = false;
    if (is_cut_ || has_exponent || at - begin > no_great_number) {
        // An integer may have any size.
        if (has_exponent || state_ == state::fraction) {
            number_.scan({begin, at});
            is_beyond = number_.is_beyond_double();
        }
        is_cut_ = false;
        number_ = {};
    }
    if (is_beyond) {
        outcome_ = outcome::broken;
    } else {
        end_value();
    }
    return at;
}

const char* json_scanner::scan_number(const char* begin, const char* at, const char* last) {
    for (; at != last; ++at) {
        const char byte = *at;
        const bool digit = is_digit(byte);
        const bool exponent_mark = byte == 'e' || byte == 'E';
        switch (state_) {
            case state::integer:
                if (digit) {
                    continue;
                }
                [[fallthrough]];
            case state::zero:
                if (byte == '.' || exponent_mark) {
                    state_ = byte == '.' ? state::point : state::exponent;
                    continue;
                }
                return end_number(begin, at);
            case state::fraction:
                if (digit) {
                    continue;
                }
                if (exponent_mark) {
                    state_ = state::exponent;
                    continue;
                }
                return end_number(begin, at);
            case state::exponent_digits:
                if (digit) {
                    continue;
                }
                return end_number(begin, at);
            case state::exponent:
                if (byte == '+' || byte == '-') {
                    state_ = state::exponent_sign;
                    continue;
                }
                break;
            default:
                break;
        }
        // After a minus, a point or the beginning of an exponent a digit must come.
        if (!digit) {
            outcome_ = outcome::broken;
            return at;
        }
        if (state_ == state::minus) {
            state_ = byte == '0' ? state::zero : state::integer;
        } else {
            state_ = state_ == state::point ? state::fraction : state::exponent_digits;
        }
    }
    is_cut_ = true;
    number_.scan({begin, at});
    return at;
}

void json_scanner::open(bool object) {
    const auto word = depth_ / 64;
    const auto bit = std::uint64_t{1} << (depth_ % 64);
    if (word == stack_.size()) {
        stack_.push_back(0);
    }
    stack_[word] = object ? stack_[word] | bit : stack_[word] & ~bit;
    in_object_ = object;
    state_ = object ? state::key_or_end : state::value_or_end;
    if (depth_++ == max_depth_ && !told_depth_) {
        told_depth_ = true;
        outcome_ = outcome::too_deep;
    }
}

// Only the bracket that matches the innermost one gets here: all others are broken text.
void json_scanner::close() {
    if (--depth_ == 0) {
        outcome_ = outcome::complete;
        return;
    }
    const auto outer = depth_ - 1;
    in_object_ = ((stack_[outer / 64] >> (outer % 64)) & 1U) != 0;
    state_ = state::after_value;
}

json_scanner::step json_scanner::scan(const char* first, const char* last) {
    const char* at = first;
    outcome_ = outcome::more;
    while (at != last && outcome_ == outcome::more) {
        // White space may stand before each of these tokens, but not inside the others.
        if (static_cast<unsigned char>(*at) <= ' ' && state_ <= state::after_value && is_space(*at)) {
            at = skip_space(at, last);
            continue;
        }
        switch (state_) {
            case state::value:
            case state::value_or_end:
                at = scan_value(at, last);
                break;
            case state::key:
            case state::key_or_end:
                at = scan_key(at);
                break;
            case state::colon:
                at = scan_colon(at);
                break;
            case state::after_value:
                at = scan_after_value(at, last);
                break;
            case state::scalar_end:
                at = scan_scalar_end(at);
                break;
            case state::string:
                at = scan_string(at, last);
                break;
            case state::character:
                at = scan_text(at, last);
                break;
            case state::escape:
                at = scan_escape(at);
                break;
            case state::second:
            case state::second_escape:
                at = scan_second(at);
                break;
            case state::hex:
                at = scan_hex(at);
                break;
            case state::literal:
                at = scan_literal(at, last);
                break;
            default:
                at = scan_number(at, at, last);
        }
    }
    return {outcome_, at};
}

bool json_scanner::is_whole_scalar() const noexcept {
    if (depth_ != 0) {
        return false;
    }
    switch (state_) {
        case state::scalar_end:
        case state::zero:
        case state::integer:
            return true;
        case state::fraction:
        case state::exponent_digits:
            return !number_.is_beyond_double();  // it came to the end of a piece, so all of it was looked at
        default:
            return false;
    }
}

// In these states nothing else breaks a text: whatever cannot go on with the number ends it.
bool json_scanner::number_is_too_great() const noexcept {
    return outcome_ == outcome::broken && (state_ == state::fraction || state_ == state::exponent_digits);
}

std::string_view json_scanner::expected() const noexcept {
    switch (state_) {
        case state::value:
            return depth_ == 0 ? "'{' or '[', which a message begins with" : "a value";
        case state::value_or_end:
            return "a value or ']'";
        case state::key:
            return "a member's name in double quotes";
        case state::key_or_end:
            return "a member's name in double quotes or '}'";
        case state::colon:
            return "':'";
        case state::after_value:
            return in_object_ ? "',' or '}'" : "',' or ']'";
        case state::scalar_end:
            return "the end of the line after a value that is no object or array";
        case state::string:
            return "the rest of a string in UTF-8, in which control characters are escaped, a line end as \\n";
        case state::character:
            return "the rest of a character in UTF-8";
        case state::escape:
            return "one of \" \\ / b f n r t u after a backslash";
        case state::hex:
            return wants_second_ ? "dc00 to dfff, the second half of a character, after \\u"
                                 : "four hexadecimal digits after \\u, of no second half of a character alone";
        case state::second:
        case state::second_escape:
            return "the second half of a character, \\udc00 to \\udfff, after its first";
        case state::literal:
            return "true, false or null";
        case state::exponent:
            return "a digit or a sign in the exponent";
        default:
            return "a digit";
    }
}

void json_scanner::reset() noexcept {
    depth_ = 0;
    state_ = state::value;
    outcome_ = outcome::more;
    in_object_ = false;
    told_depth_ = false;
    wants_second_ = false;
    utf8_ = {};
    if (is_cut_) {
        is_cut_ = false;
        number_ = {};
    }
    if (stack_.capacity() > 64) {
        stack_ = {};  // a hostile message's; what usual ones need is kept
    }
}

}  // namespace gatherd::api::protocol
