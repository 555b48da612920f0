#include "api/wire/json_scanner.hpp"

#include <array>
#include <bit>
#include <cstring>
#include <utility>

namespace gatherd::api::wire {
namespace {

constexpr bool is_space(char byte) noexcept {
    return byte == ' ' || byte == '\n' || byte == '\r' || byte == '\t';
}
constexpr bool is_digit(char byte) noexcept {
    return byte >= '0' && byte <= '9';
}

// Bytes that end a run of plain string text: the quote, the backslash and control characters.
constexpr bool ends_run(char byte) noexcept {
    return byte == '"' || byte == '\\' || static_cast<unsigned char>(byte) < 0x20;
}

constexpr auto run_ends = [] {
    std::array<bool, 256> table{};
    for (std::size_t i = 0; i < table.size(); ++i) {
        table[i] = ends_run(static_cast<char>(static_cast<unsigned char>(i)));
    }
    return table;
}();

// A mask with the high bit of each byte of `word` set that is zero; exact up to and including the first such byte.
constexpr std::uint64_t zero_bytes(std::uint64_t word) noexcept {
    return (word - 0x0101010101010101U) & ~word & 0x8080808080808080U;
}

constexpr std::uint64_t run_end_bytes(std::uint64_t word) noexcept {
    const auto control = (word - 0x2020202020202020U) & ~word & 0x8080808080808080U;
    return zero_bytes(word ^ 0x2222222222222222U) | zero_bytes(word ^ 0x5c5c5c5c5c5c5c5cU) | control;
}

// The first byte that ends a run. Eight at a time, since most bytes of most messages are plain text in strings.
const char* skip_run(const char* at, const char* last) noexcept {
    if constexpr (std::endian::native == std::endian::little) {
        while (last - at >= 8) {
            std::uint64_t word = 0;
            std::memcpy(&word, at, sizeof word);
            if (const auto ends = run_end_bytes(word); ends != 0) {
                return at + std::countr_zero(ends) / 8;
            }
            at += 8;
        }
    }
    while (at != last && !run_ends[static_cast<unsigned char>(*at)]) {
        ++at;
    }
    return at;
}

// The first byte that is no white space. Mostly that is a line end and some spaces, which go eight at a time.
const char* skip_space(const char* at, const char* last) noexcept {
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

// The same where mostly there is none.
inline const char* past_space(const char* at, const char* last) noexcept {
    return at != last && static_cast<unsigned char>(*at) <= ' ' ? skip_space(at, last) : at;
}

}  // namespace

const char* json_scanner::scan_value(const char* at) {
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
            return at + 1;
        case '0':
            state_ = state::zero;
            return at + 1;
        case ']':
            if (state_ == state::value_or_end) {
                close();
                return at + 1;
            }
            break;
        default:
            if (is_digit(*at)) {
                state_ = state::integer;
                return at + 1;
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
        at = skip_run(at, last);
        if (at == last) {
            return at;
        }
        if (*at != '"') {
            if (*at == '\\') {
                state_ = state::escape;
                return at + 1;
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

const char* json_scanner::scan_hex(const char* at) {
    const bool is_hex = is_digit(*at) || (*at >= 'a' && *at <= 'f') || (*at >= 'A' && *at <= 'F');
    if (!is_hex) {
        outcome_ = outcome::broken;
        return at;
    }
    if (--hex_left_ == 0) {
        state_ = state::string;
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

const char* json_scanner::scan_number(const char* at, const char* last) {
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
                end_value();
                return at;
            case state::fraction:
                if (digit) {
                    continue;
                }
                if (exponent_mark) {
                    state_ = state::exponent;
                    continue;
                }
                end_value();
                return at;
            case state::exponent_digits:
                if (digit) {
                    continue;
                }
                end_value();
                return at;
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
                at = scan_value(at);
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
            case state::escape:
                at = scan_escape(at);
                break;
            case state::hex:
                at = scan_hex(at);
                break;
            case state::literal:
                at = scan_literal(at, last);
                break;
            default:
                at = scan_number(at, last);
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
        case state::fraction:
        case state::exponent_digits:
            return true;
        default:
            return false;
    }
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
            return "the rest of a string, in which control characters are escaped, a line end as \\n";
        case state::escape:
            return "one of \" \\ / b f n r t u after a backslash";
        case state::hex:
            return "four hexadecimal digits after \\u";
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
    if (stack_.capacity() > 64) {
        stack_ = {};  // a hostile message's; what usual ones need is kept
    }
}

}  // namespace gatherd::api::wire
