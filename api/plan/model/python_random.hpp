/// \file
/// CPython 3.11's random.Random, to the bit: the same seed draws the same numbers.
#pragma once

#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <utility>
#include <vector>

namespace gatherd::api::plan {

// 128-bit integers, for sums and ranges of 64-bit ones that must neither wrap nor round.
// Both compilers have them; ISO C++ does not, hence the marker that keeps -Wpedantic quiet for these two lines only.
__extension__ using int128 = __int128;
__extension__ using uint128 = unsigned __int128;

/// A Mersenne Twister (MT19937), seeded and read as CPython does it.
///
/// Sources: Modules/_randommodule.c (seeding, random, getrandbits) and Lib/random.py (the rest) of CPython 3.11.
/// What it holds is only the draws, whose number and order decide every later one; what Python does with arguments
/// (conversions, exceptions) is in api/functions/random.cpp.
///
/// Threads: one at a time. Cost: 2.5 KB; seeding about 5 us, a draw some nanoseconds.
class python_random {
public:
    /// Seeded by the operating system. Throws std::system_error if that has no random bytes to give.
    python_random();

    /// As `random.Random(seed)` for an int: a negative seed counts by its absolute value.
    template <std::integral Integer>
    explicit python_random(Integer seed) noexcept {
        seed_by_magnitude(seed < Integer{0} ? std::uint64_t{0} - static_cast<std::uint64_t>(seed)
                                            : static_cast<std::uint64_t>(seed));
    }

    /// In [0, 1), a multiple of 2^-53.
    [[nodiscard]] double random() noexcept;

    /// An integer of `count` random bits, as getrandbits: 0 <= count <= 128. No bits draw nothing.
    [[nodiscard]] uint128 bits(unsigned count) noexcept;

    /// Draws `count` words for a getrandbits of more than 128 bits; the value if it happens to fit in 128 bits.
    [[nodiscard]] std::optional<uint128> bits_if_they_fit(unsigned count) noexcept;

    /// In [0, limit), as _randbelow_with_getrandbits; limit > 0.
    [[nodiscard]] uint128 below(uint128 limit) noexcept;

    /// An index of a sequence of that length, as choice draws it; length > 0.
    [[nodiscard]] std::size_t index(std::size_t length) noexcept { return static_cast<std::size_t>(below(length)); }

    /// The indices that sample(population, count) takes, in order; count <= length.
    /// Cost: memory of the smaller of `length` and some `count` words. Throws: std::bad_alloc.
    [[nodiscard]] std::vector<std::size_t> sample(std::size_t length, std::size_t count);

    /// Puts the items in random order, as shuffle.
    template <typename Item>
    void shuffle(std::span<Item> items) noexcept {
        using std::swap;
        for (std::size_t i = items.size(); i-- > 1;) {
            const std::size_t j = index(i + 1);
            if (i != j) {
                swap(items[i], items[j]);
            }
        }
    }

    /// The standard normal variate that gauss scales. Every second one comes from the draws of the one before.
    [[nodiscard]] double standard_gauss() noexcept;

    /// The exponential variate of rate 1 that expovariate divides by its rate. Never negative but for -0.0.
    [[nodiscard]] double standard_exponential() noexcept;

private:
    static constexpr std::size_t state_size = 624;

    void seed_by_magnitude(std::uint64_t magnitude) noexcept;
    void seed_by_array(std::span<const std::uint32_t> key) noexcept;
    void refill() noexcept;
    [[nodiscard]] std::uint32_t next_word() noexcept;

    std::array<std::uint32_t, state_size> state_;
    std::size_t position_ = state_size;  // of the next word in state_; at the end, it must be refilled
    std::optional<double> next_gauss_;   // the second of a pair, until it is asked for
};

}  // namespace gatherd::api::plan
