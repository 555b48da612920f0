#include "api/protocol/utf8_scanner.hpp"

#include <cstddef>

#include <simdjson.h>

namespace gatherd::api::protocol {
namespace {

constexpr std::ptrdiff_t long_piece = 64;  // simdjson's block: a shorter one is copied into one first

// Before the character that `last` may cut in two, if there is one: it has at most three bytes there.
const char* before_last_character(const char* first, const char* last) noexcept {
    const char* at = last;
    while (at != first && last - at < 3 && (static_cast<unsigned char>(at[-1]) & 0xC0U) == 0x80) {
        --at;
    }
    return at != first && static_cast<unsigned char>(at[-1]) >= 0xC0 ? at - 1 : at;
}

}  // namespace

const char* utf8_scanner::scan_bytes(const char* first, const char* last) noexcept {
    for (const char* at = first; at != last; ++at) {
        const auto byte = static_cast<unsigned char>(*at);
        if (left_ != 0) {
            if (byte < least_ || byte > most_) {
                return at;
            }
            --left_;
            least_ = 0x80;
            most_ = 0xBF;
        } else if (byte >= 0x80) {
            if (byte < 0xC2 || byte > 0xF4) {
                return at;
            }
            left_ = byte < 0xE0 ? 1 : byte < 0xF0 ? 2 : 3;
            least_ = byte == 0xE0 ? 0xA0 : byte == 0xF0 ? 0x90 : 0x80;
            most_ = byte == 0xED ? 0x9F : byte == 0xF4 ? 0x8F : 0xBF;
        }
    }
    return last;
}

const char* utf8_scanner::scan(const char* first, const char* last) noexcept {
    if (left_ == 0 && last - first >= long_piece) {
        // Where in a long piece the fault is, simdjson does not say: then it is looked for, once.
        const char* const whole = before_last_character(first, last);
        if (simdjson::validate_utf8(first, static_cast<std::size_t>(whole - first))) {
            first = whole;
        }
    }
    return scan_bytes(first, last);
}

}  // namespace gatherd::api::protocol
