#include "cli/bench/timeline.hpp"

#include <catch2/catch.hpp>

#include <numeric>

using gatherd::cli::bench::timeline;
using namespace std::chrono_literals;

namespace {

std::uint64_t sum(const timeline& of) {
    return std::accumulate(of.counts().begin(), of.counts().end(), std::uint64_t{0});
}

}  // namespace

TEST_CASE("timeline: counts stand where their time is", "[bench]") {
    timeline of;
    of.add(0ns, 1);
    of.add(10ms - 1ns, 2);
    of.add(10ms, 4);
    CHECK(of.interval() == 10ms);
    CHECK(of.counts()[0] == 3);
    CHECK(of.counts()[1] == 4);
}

TEST_CASE("timeline: longer runs get longer intervals, and no count is lost", "[bench]") {
    timeline of;
    for (int second = 0; second < 100; ++second) {
        of.add(std::chrono::seconds{second}, 1);
    }
    CHECK(of.interval() == 640ms);
    CHECK(sum(of) == 100);
    CHECK(of.counts()[static_cast<std::size_t>(99s / 640ms)] == 1);
}

TEST_CASE("timeline: two of different length add up", "[bench]") {
    timeline short_one;
    timeline long_one;
    short_one.add(15ms, 5);
    long_one.add(15ms, 7);
    long_one.add(1min, 1);
    SECTION("the longer to the shorter") {
        short_one.add(long_one);
        CHECK(short_one.interval() == long_one.interval());
        CHECK(short_one.counts()[0] == 12);
        CHECK(sum(short_one) == 13);
    }
    SECTION("the shorter to the longer") {
        long_one.add(short_one);
        CHECK(long_one.counts()[0] == 12);
        CHECK(sum(long_one) == 13);
    }
}
