#include "cli/bench/schedule.hpp"

#include <catch2/catch.hpp>

using gatherd::cli::bench::phases;
using gatherd::cli::bench::schedule;
using namespace std::chrono_literals;

TEST_CASE("schedule: without a ramp requests are due at even distances", "[bench]") {
    const schedule at{1000, 0s};
    CHECK(at.due(0) == 0ns);
    CHECK(at.due(1) == 1ms);
    CHECK(at.due(5000) == 5s);
}

TEST_CASE("schedule: half of what the full rate would give falls due during the ramp", "[bench]") {
    const schedule at{1000, 2s};
    CHECK(at.due(0) == 0ns);
    CHECK(at.due(250) == 1s);   // half the ramp: a quarter of its requests
    CHECK(at.due(1000) == 2s);  // its end
    CHECK(at.due(1001) == 2001ms);
    CHECK(at.due(3000) == 4s);
}

TEST_CASE("schedule: a later number is never due earlier", "[bench]") {
    const schedule at{123'457, 300ms};
    for (std::uint64_t i = 1; i < 100'000; ++i) {
        REQUIRE(at.due(i) >= at.due(i - 1));
    }
}

TEST_CASE("phases: only what lies between the warm-up and the end is measured", "[bench]") {
    const phases times{.ramp = 1s, .warm_up = 2s, .duration = 10s};
    CHECK_FALSE(times.measures(3s - 1ns));
    CHECK(times.measures(3s));
    CHECK(times.measures(13s - 1ns));
    CHECK_FALSE(times.measures(13s));
}
