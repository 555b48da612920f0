/// \file
/// The Mersenne Twister, and CPython's ways to draw from it.
#include "api/plan/model/python_random.hpp"

#include <sys/random.h>

#include <algorithm>
#include <bit>
#include <cassert>
#include <cerrno>
#include <cmath>
#include <numbers>
#include <numeric>
#include <system_error>
#include <unordered_set>

namespace gatherd::api::plan {

namespace {

constexpr unsigned word_bits = 32;

/// `int.bit_length()`.
unsigned bit_length(uint128 n) noexcept {
    const auto high = static_cast<std::uint64_t>(n >> 64);
    const auto low = static_cast<std::uint64_t>(n);
    return static_cast<unsigned>(high != 0 ? 64 + std::bit_width(high) : std::bit_width(low));
}

/// The largest population that sample draws from by a pool: beyond it a set of the chosen ones is smaller.
std::size_t pool_limit(std::size_t count) noexcept {
    std::size_t limit = 21;
    if (count > 5) {
        const double exponent = std::ceil(std::log(static_cast<double>(count) * 3.0) / std::log(4.0));
        limit += std::size_t{1} << (2 * static_cast<unsigned>(exponent));
    }
    return limit;
}

}  // namespace

python_random::python_random() {
    std::array<std::uint32_t, state_size> key;
    const std::span<std::byte> bytes = std::as_writable_bytes(std::span{key});
    constexpr std::size_t most_at_once = 256;  // what getentropy(3) gives in one call
    for (std::size_t done = 0; done < bytes.size(); done += most_at_once) {
        if (::getentropy(bytes.data() + done, std::min(most_at_once, bytes.size() - done)) != 0) {
            throw std::system_error{errno, std::generic_category(), "getentropy"};
        }
    }
    seed_by_array(key);
}

void python_random::seed_by_magnitude(std::uint64_t magnitude) noexcept {
    const std::array key{static_cast<std::uint32_t>(magnitude), static_cast<std::uint32_t>(magnitude >> word_bits)};
    seed_by_array(std::span{key}.first(key[1] != 0 ? 2 : 1));
}

// init_genrand and init_by_array of MT19937's authors, as _randommodule.c has them. Unsigned arithmetic wraps.
void python_random::seed_by_array(std::span<const std::uint32_t> key) noexcept {
    const auto mixed = [this](std::size_t i, std::uint32_t factor) {
        return state_[i] ^ ((state_[i - 1] ^ (state_[i - 1] >> 30U)) * factor);
    };
    state_[0] = 19650218U;
    for (std::uint32_t i = 1; i < state_size; ++i) {
        state_[i] = 1812433253U * (state_[i - 1] ^ (state_[i - 1] >> 30U)) + i;
    }
    std::size_t i = 1;
    const auto step = [this, &i] {
        if (++i >= state_size) {
            state_[0] = state_[state_size - 1];
            i = 1;
        }
    };
    std::size_t j = 0;
    for (std::size_t k = std::max(state_size, key.size()); k > 0; --k) {
        state_[i] = mixed(i, 1664525U) + key[j] + static_cast<std::uint32_t>(j);
        step();
        j = j + 1 < key.size() ? j + 1 : 0;
    }
    for (std::size_t k = state_size - 1; k > 0; --k) {
        state_[i] = mixed(i, 1566083941U) - static_cast<std::uint32_t>(i);
        step();
    }
    state_[0] = 0x80000000U;
    position_ = state_size;
    next_gauss_.reset();
}

void python_random::refill() noexcept {
    constexpr std::size_t middle = 397;
    const auto twist = [this](std::size_t i, std::size_t next, std::size_t far) {
        const std::uint32_t y = (state_[i] & 0x80000000U) | (state_[next] & 0x7fffffffU);
        state_[i] = state_[far] ^ (y >> 1U) ^ ((y & 1U) != 0 ? 0x9908b0dfU : 0U);
    };
    for (std::size_t i = 0; i < state_size - middle; ++i) {
        twist(i, i + 1, i + middle);
    }
    for (std::size_t i = state_size - middle; i < state_size - 1; ++i) {
        twist(i, i + 1, i + middle - state_size);
    }
    twist(state_size - 1, 0, middle - 1);
    position_ = 0;
}

std::uint32_t python_random::next_word() noexcept {
    if (position_ == state_size) {
        refill();
    }
    std::uint32_t y = state_[position_++];
    y ^= y >> 11U;
    y ^= (y << 7U) & 0x9d2c5680U;
    y ^= (y << 15U) & 0xefc60000U;
    return y ^ (y >> 18U);
}

double python_random::random() noexcept {
    const std::uint32_t high = next_word() >> 5U;
    const std::uint32_t low = next_word() >> 6U;
    return (static_cast<double>(high) * 67108864.0 + static_cast<double>(low)) * (1.0 / 9007199254740992.0);
}

uint128 python_random::bits(unsigned count) noexcept {
    assert(count <= 128);
    uint128 drawn = 0;
    for (unsigned shift = 0; shift < count; shift += word_bits) {  // the least significant word first
        const unsigned wanted = std::min(word_bits, count - shift);
        drawn |= static_cast<uint128>(next_word() >> (word_bits - wanted)) << shift;
    }
    return drawn;
}

std::optional<uint128> python_random::bits_if_they_fit(unsigned count) noexcept {
    const uint128 low = bits(std::min(count, 128U));
    bool fits = true;
    for (unsigned shift = 128; shift < count; shift += word_bits) {
        const unsigned wanted = std::min(word_bits, count - shift);
        fits = (next_word() >> (word_bits - wanted)) == 0 && fits;
    }
    return fits ? std::optional{low} : std::nullopt;
}

uint128 python_random::below(uint128 limit) noexcept {
    assert(limit > 0);
    const unsigned count = bit_length(limit);  // not of limit - 1: limit may be 1
    if (count <= word_bits) {                  // most draws: one word, and no 128-bit arithmetic
        std::uint32_t word = next_word() >> (word_bits - count);
        while (word >= static_cast<std::uint32_t>(limit)) {
            word = next_word() >> (word_bits - count);
        }
        return word;
    }
    uint128 drawn = bits(count);
    while (drawn >= limit) {
        drawn = bits(count);
    }
    return drawn;
}

std::vector<std::size_t> python_random::sample(std::size_t length, std::size_t count) {
    assert(count <= length);
    std::vector<std::size_t> chosen(count);
    if (length <= pool_limit(count)) {
        std::vector<std::size_t> pool(length);
        std::iota(pool.begin(), pool.end(), std::size_t{0});
        for (std::size_t i = 0; i < count; ++i) {
            const std::size_t j = index(length - i);
            chosen[i] = pool[j];
            pool[j] = pool[length - i - 1];  // an unchosen one fills the gap
        }
        return chosen;
    }
    std::unordered_set<std::size_t> taken;
    taken.reserve(count);
    for (std::size_t& one : chosen) {
        do {
            one = index(length);
        } while (!taken.insert(one).second);
    }
    return chosen;
}

double python_random::standard_gauss() noexcept {
    if (next_gauss_) {
        return *std::exchange(next_gauss_, std::nullopt);
    }
    const double angle = random() * (2.0 * std::numbers::pi);
    const double radius = std::sqrt(-2.0 * std::log(1.0 - random()));
    next_gauss_ = std::sin(angle) * radius;
    return std::cos(angle) * radius;
}

double python_random::standard_exponential() noexcept {
    return -std::log(1.0 - random());
}

}  // namespace gatherd::api::plan
