#include "api/plan/model/python_random.hpp"

#include <cstdint>
#include <limits>

#include <catch2/catch.hpp>

using gatherd::api::plan::python_random;
using gatherd::api::plan::uint128;

TEST_CASE("python_random: the generator is MT19937 as its authors publish it", "[plan]") {
    // init_by_array of one word 5489 is not init_genrand(5489): Python never uses the latter.
    python_random from_42{42};
    CHECK(from_42.random() == 0.6394267984578837);
    CHECK(from_42.random() == 0.025010755222666936);
    CHECK(from_42.random() == 0.27502931836911926);
}

TEST_CASE("python_random: a seed's type does not matter, and its sign neither", "[plan]") {
    python_random a{std::int8_t{-42}};
    python_random b{std::uint64_t{42}};
    CHECK(a.random() == b.random());
    python_random c{std::numeric_limits<std::int64_t>::min()};
    python_random d{std::uint64_t{1} << 63};
    CHECK(c.random() == d.random());
}

TEST_CASE("python_random: a seed beyond 32 bits counts whole", "[plan]") {
    python_random small{1};
    python_random large{(std::uint64_t{1} << 32) + 1};
    CHECK(small.random() != large.random());
}

TEST_CASE("python_random: a limit beyond 64 bits is drawn from in whole", "[plan]") {
    python_random random{1};
    const uint128 limit = (uint128{1} << 64) + 1;
    bool beyond = false;
    for (int i = 0; i < 1000; ++i) {
        const uint128 drawn = random.below(limit);
        REQUIRE(drawn < limit);
        beyond = beyond || drawn > (limit / 2);
    }
    CHECK(beyond);
    CHECK(random.below(1) == 0);
}

TEST_CASE("python_random: no bits draw nothing", "[plan]") {
    python_random a{7};
    python_random b{7};
    CHECK(a.bits(0) == 0);
    CHECK(a.random() == b.random());
}

TEST_CASE("python_random: bits beyond 128 are drawn and refused unless they are zero", "[plan]") {
    python_random a{7};
    python_random b{7};
    CHECK_FALSE(a.bits_if_they_fit(200).has_value());
    static_cast<void>(b.bits(128));
    static_cast<void>(b.bits(72));
    CHECK(a.random() == b.random());
}

TEST_CASE("python_random: without a seed no two generators agree", "[plan]") {
    python_random a;
    python_random b;
    CHECK(a.bits(128) != b.bits(128));
}
