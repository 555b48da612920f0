#include "api/server/limits/log_throttle.hpp"

#include <catch2/catch.hpp>

using gatherd::api::server::log_throttle;

TEST_CASE("log_throttle: the first line passes, then one an interval, which says how many did not", "[server]") {
    const log_throttle::clock::time_point start{};
    log_throttle throttle{std::chrono::minutes{1}};
    CHECK(throttle.pass(start) == 0U);
    for (int second = 1; second < 60; ++second) {
        CHECK_FALSE(throttle.pass(start + std::chrono::seconds{second}));
    }
    CHECK(throttle.pass(start + std::chrono::minutes{1}) == 59U);
    CHECK(throttle.pass(start + std::chrono::minutes{5}) == 0U);
}
