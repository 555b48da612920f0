#include "api/protocol/bracket_counter.hpp"

#include <array>
#include <bit>
#include <cstring>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

namespace gatherd::api::protocol {
namespace {

constexpr std::size_t block_size = 64;

// '[' and '{' differ in this bit only, and so do ']' and '}'; no other byte becomes one of the latter by it.
constexpr char bracket_bit = 0x20;

// Bit i of the result: whether an odd number of bits up to i is set. Langdale and Lemire, Parsing Gigabytes of JSON per
// Second, 2019, section 3.1.1, by shifts.
std::uint64_t odd_up_to(std::uint64_t bits) noexcept {
    for (unsigned shift = 1; shift < block_size; shift *= 2) {
        bits ^= bits << shift;
    }
    return bits;
}

}  // namespace

// Where in a block of 64 bytes what stands: bit i is byte i.
struct bracket_counter::marks {
    std::uint64_t quotes = 0;
    std::uint64_t backslashes = 0;
    std::uint64_t opening = 0;
    std::uint64_t closing = 0;
};

#ifdef __SSE2__
bracket_counter::marks bracket_counter::marks_of(const char* block) noexcept {
    constexpr std::size_t lane = sizeof(__m128i);
    marks m;
    for (std::size_t from = 0; from < block_size; from += lane) {
        const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(block + from));
        const __m128i curly = _mm_or_si128(bytes, _mm_set1_epi8(bracket_bit));
        const auto where = [from](__m128i in, char byte) {
            const auto bits = static_cast<std::uint32_t>(_mm_movemask_epi8(_mm_cmpeq_epi8(in, _mm_set1_epi8(byte))));
            return std::uint64_t{bits} << from;
        };
        m.quotes |= where(bytes, '"');
        m.backslashes |= where(bytes, '\\');
        m.opening |= where(curly, '{');
        m.closing |= where(curly, '}');
    }
    return m;
}
#else
bracket_counter::marks bracket_counter::marks_of(const char* block) noexcept {
    marks m;
    for (std::size_t i = 0; i < block_size; ++i) {
        const char byte = block[i];
        m.quotes |= std::uint64_t{byte == '"'} << i;
        m.backslashes |= std::uint64_t{byte == '\\'} << i;
        m.opening |= std::uint64_t{(byte | bracket_bit) == '{'} << i;
        m.closing |= std::uint64_t{(byte | bracket_bit) == '}'} << i;
    }
    return m;
}
#endif

void bracket_counter::reset() noexcept {
    depth_ = 0;
    in_string_ = is_escaped_ = false;
}

bracket_counter::step bracket_counter::count(const char* first, const char* last) noexcept {
    for (; static_cast<std::size_t>(last - first) >= block_size; first += block_size) {
        const step done = take(marks_of(first), first, block_size);
        if (done.what != outcome::more) {
            return done;
        }
    }
    if (first == last) {
        return {outcome::more, last};
    }
    std::array<char, block_size> rest{};
    const auto size = static_cast<std::size_t>(last - first);
    std::memcpy(rest.data(), first, size);
    return take(marks_of(rest.data()), first, size);
}

// The bytes that stand behind a backslash that is not escaped itself.
std::uint64_t bracket_counter::escaped(std::uint64_t backslashes, std::size_t size) noexcept {
    std::uint64_t found = is_escaped_ ? 1 : 0;
    is_escaped_ = false;
    for (std::uint64_t left = backslashes & ~found; left != 0;) {
        const auto behind = static_cast<std::size_t>(std::countr_zero(left)) + 1;
        if (behind == size) {
            is_escaped_ = true;
            break;
        }
        found |= std::uint64_t{1} << behind;
        left &= (~std::uint64_t{0} << behind) & ~found;
    }
    return found;
}

// The block's bytes from `size` on are zeros, and stand for nothing.
bracket_counter::step bracket_counter::take(marks block, const char* at, std::size_t size) noexcept {
    if (block.backslashes != 0 || is_escaped_) [[unlikely]] {
        block.quotes &= ~escaped(block.backslashes, size);
    }
    const std::uint64_t in_strings = odd_up_to(block.quotes) ^ (in_string_ ? ~std::uint64_t{0} : 0);
    in_string_ = in_strings >> (block_size - 1) != 0;
    const std::uint64_t opening = block.opening & ~in_strings;
    for (std::uint64_t left = opening | (block.closing & ~in_strings); left != 0; left &= left - 1) {
        const std::uint64_t bracket = left & -left;
        if ((opening & bracket) == 0) {
            if (--depth_ == 0) {
                return {outcome::closed, at + std::countr_zero(left) + 1};
            }
        } else if (++depth_ > max_depth_) {
            return {outcome::deep, at};
        }
    }
    return {outcome::more, at + size};
}

}  // namespace gatherd::api::protocol
