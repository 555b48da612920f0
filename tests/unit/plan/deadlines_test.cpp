#include "api/plan/evaluate/deadlines.hpp"

#include <catch2/catch.hpp>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <random>
#include <set>
#include <vector>

using gatherd::api::plan::deadlines;

namespace {

deadlines::entry at(std::int64_t when, std::uint32_t child) {
    return {gatherd::executor::clock::time_point{std::chrono::nanoseconds{when}}, child};
}

}  // namespace

TEST_CASE("deadlines: earliest first, of equal times the first child's", "[plan]") {
    deadlines queue;
    queue.add(at(2, 0));
    queue.add(at(1, 2));
    queue.add(at(1, 1));
    queue.settle();
    for (const deadlines::entry expected : {at(1, 1), at(1, 2), at(2, 0)}) {
        CHECK(queue.next() == expected);
        queue.pop();
    }
    CHECK(queue.empty());
}

TEST_CASE("deadlines: in any mixture of adding, settling and taking it is as a sorted set", "[plan]") {
    const auto seed = GENERATE(1U, 2U, 3U);
    CAPTURE(seed);
    std::minstd_rand draw{seed};
    deadlines queue;
    std::set<deadlines::entry> expected;
    std::uint32_t child = 0;
    for (int round = 0; round < 200; ++round) {
        const auto size = round % 3 == 0 ? std::size_t{2000} : 20;
        for (std::size_t more = draw() % size; more > 0; --more) {
            const deadlines::entry one = at(static_cast<std::int64_t>(draw() % 5000), child++);
            queue.add(one);
            expected.insert(one);
        }
        if (draw() % 2 == 0) {
            queue.settle();
        }
        for (std::size_t fewer = draw() % size; fewer > 0 && !expected.empty(); --fewer) {
            REQUIRE(queue.next() == *expected.begin());
            queue.pop();
            expected.erase(expected.begin());
        }
        REQUIRE(queue.size() == expected.size());
    }
    const std::vector<deadlines::entry> left = queue.take_all();
    CHECK(std::set(left.begin(), left.end()) == expected);
    CHECK(queue.empty());
}
