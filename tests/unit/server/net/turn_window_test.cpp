#include "api/server/net/turn_window.hpp"

#include <array>
#include <catch2/catch.hpp>
#include <chrono>
#include <cstdint>
#include <optional>

namespace gatherd::api::server {
namespace {

using namespace std::chrono_literals;

/// One worker's turns, a tenth of a millisecond each, of connections that take them in the given order.
struct worker_of_turns {
    /// A window of so many turns, round and round over the first `connections` of `all`, the first being the candidate.
    /// The other worker is idle in so many of ten looks; ours had to be woken `parks` times. Whether the candidate
    /// should move.
    bool window(std::size_t connections, int idle_of_ten, std::optional<float> others_share = std::nullopt,
                std::uint64_t parks = 0, int turns = 400) {
        seen.begin(all.data(), 1, now, parks_before);
        for (int i = 1; i <= turns; ++i) {
            now += 100us;
            if (seen.count(&all[static_cast<std::size_t>(i) % connections])) {
                is_long_enough = seen.look(looks++ % 10 < idle_of_ten, now);
            }
        }
        parks_before += parks;
        return seen.end(parks_before, others_share);
    }

    std::array<char, 64> all{};
    turn_window seen;
    turn_window::clock::time_point now{};
    std::uint64_t parks_before = 1000;
    int looks = 0;
    bool is_long_enough = false;
};

}  // namespace

TEST_CASE("turn_window: of two connections that keep a worker busy one moves to a worker that idles, once",
          "[server]") {
    worker_of_turns worker;
    CHECK(worker.window(2, 10));
    CHECK(worker.is_long_enough);
    CHECK_FALSE(worker.seen.takes_leave(&worker.all[1]));
    CHECK(worker.seen.takes_leave(worker.all.data()));
    CHECK(worker.seen.leaves_to() == 1);
    CHECK_FALSE(worker.seen.takes_leave(worker.all.data()));
    CHECK_FALSE(worker.seen.is_open(worker.now));
}

TEST_CASE("turn_window: a connection that is alone stays, however busy it is", "[server]") {
    worker_of_turns worker;
    CHECK_FALSE(worker.window(1, 10));
    CHECK_FALSE(worker.seen.takes_leave(worker.all.data()));
}

TEST_CASE("turn_window: where every other turn has to wake the worker all stay", "[server]") {
    worker_of_turns worker;
    CHECK_FALSE(worker.window(16, 10, std::nullopt, 200));
    CHECK_FALSE(worker.window(16, 10, std::nullopt, 2000));  // by timers and tasks, too
    CHECK(worker.window(16, 10, std::nullopt, 50));
}

TEST_CASE("turn_window: the other worker must have clearly more room than the connection takes", "[server]") {
    worker_of_turns of_two;
    CHECK_FALSE(of_two.window(2, 5));
    CHECK(of_two.window(2, 9));
    worker_of_turns of_four;
    CHECK_FALSE(of_four.window(4, 2));
    CHECK(of_four.window(4, 6));
    CHECK_FALSE(of_four.window(32, 1));  // an idle moment now and then is not enough for anybody
}

TEST_CASE("turn_window: where both are busy they come to about as many connections each", "[server]") {
    worker_of_turns worker;
    CHECK(worker.window(7, 0, 1.0F));
    CHECK(worker.window(3, 0, 1.0F));
    CHECK_FALSE(worker.window(2, 0, 1.0F));
    CHECK_FALSE(worker.window(2, 0, 0.5F));
    CHECK_FALSE(worker.window(32, 0, 1 / 32.0F));
    CHECK_FALSE(worker.window(7, 0));  // nothing is known of the other one
}

TEST_CASE("turn_window: its share is that of one of as many alike", "[server]") {
    worker_of_turns worker;
    CHECK(worker.seen.share() == 0);
    for (int i = 0; i < 30; ++i) {
        worker.window(8, 0);
    }
    CHECK(worker.seen.share() == Approx(1 / 8.0).epsilon(0.01));
}

TEST_CASE("turn_window: it lasts for turns and for time, and after seconds it means nothing", "[server]") {
    worker_of_turns worker;
    worker.window(2, 10, std::nullopt, 0, 80);
    CHECK_FALSE(worker.is_long_enough);
    worker.seen.begin(worker.all.data(), 1, worker.now, 0);
    CHECK(worker.seen.is_open(worker.now + 1s));
    CHECK_FALSE(worker.seen.is_open(worker.now + 6s));
    worker.seen.stop();
    CHECK_FALSE(worker.seen.is_open(worker.now));
}

TEST_CASE("turn_window: a steady order of turns does not hide anybody", "[server]") {
    for (const std::uint32_t connections : {2U, 5U, 8U, 12U}) {
        turn_window seen;
        std::array<char, 12> all{};
        std::array<int, 12> met{};
        for (std::uint32_t i = 0; i < 2000; ++i) {
            if (seen.count(&all[i % connections])) {
                ++met[i % connections];
                seen.begin(&all[i % connections], 1, turn_window::clock::time_point{} + 1s, 0);
            }
        }
        for (std::uint32_t i = 0; i < connections; ++i) {
            CHECK(met[i] > 0);
        }
    }
}

}  // namespace gatherd::api::server
