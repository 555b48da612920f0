#include "gatherd/executor/detail/timer_wheel.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <deque>
#include <random>
#include <vector>

using namespace gatherd::executor;
using namespace std::chrono_literals;

namespace {

struct noted : timer_node {
    noted(std::vector<noted*>& into, clock::time_point at) : timer_node{&fired}, log{into}, deadline{at} {}
    static void fired(timer_node& self) noexcept {
        auto& me = static_cast<noted&>(self);
        me.log.push_back(&me);
    }
    std::vector<noted*>& log;
    clock::time_point deadline;
};

}  // namespace

TEST_CASE("timer_wheel: random deadlines of all ranges fire once, in order, never early", "[executor]") {
    const auto seed = std::random_device{}();
    CAPTURE(seed);
    std::mt19937_64 random{seed};
    const clock::time_point start{};
    timer_wheel wheel{start};
    std::vector<noted*> log;
    std::deque<noted> timers;
    for (int i = 0; i < 3000; ++i) {
        const auto range = std::uint64_t{1} << (random() % 50);
        timers.emplace_back(log, start + std::chrono::nanoseconds{static_cast<std::int64_t>(random() % range)});
        wheel.add(timers.back(), timers.back().deadline);
    }
    std::size_t removed = 0;
    for (auto& each : timers) {
        if (random() % 4 == 0) {
            CHECK(timer_wheel::remove(each));
            CHECK_FALSE(timer_wheel::remove(each));
            ++removed;
        }
    }
    clock::time_point now = start;
    while (const auto due = wheel.next_due()) {
        REQUIRE(*due >= now);
        now = *due + std::chrono::nanoseconds{static_cast<std::int64_t>(random() % 1'000'000)};
        const std::size_t before = log.size();
        wheel.fire_due(now);
        for (std::size_t i = before; i < log.size(); ++i) {
            REQUIRE(log[i]->deadline <= now);
            REQUIRE((i == before || log[i - 1]->deadline <= log[i]->deadline));
        }
    }
    CHECK(log.size() + removed == timers.size());
}

TEST_CASE("timer_wheel: timers are taken back while time passes, from whichever level they have come down to",
          "[executor]") {
    const auto seed = std::random_device{}();
    CAPTURE(seed);
    std::mt19937_64 random{seed};
    const clock::time_point start{};
    timer_wheel wheel{start};
    std::vector<noted*> log;
    std::deque<noted> timers;
    std::vector<noted*> waiting;
    std::size_t removed = 0;
    clock::time_point now = start;
    for (int turn = 0; turn < 5000; ++turn) {
        const auto range = std::uint64_t{1} << (random() % 40);
        const std::chrono::nanoseconds ahead{static_cast<std::int64_t>(random() % range)};
        timers.emplace_back(log, now + ahead - std::chrono::nanoseconds{1000});  // of some the time has passed
        wheel.add(timers.back(), timers.back().deadline);
        waiting.push_back(&timers.back());
        if (random() % 2 == 0) {
            std::swap(waiting[random() % waiting.size()], waiting.back());
            const bool has_fired = std::find(log.begin(), log.end(), waiting.back()) != log.end();
            REQUIRE(timer_wheel::remove(*waiting.back()) == !has_fired);
            REQUIRE_FALSE(timer_wheel::remove(*waiting.back()));
            removed += has_fired ? 0 : 1;
            waiting.pop_back();
        }
        if (random() % 4 == 0) {
            const auto step = std::uint64_t{1} << (random() % 34);
            now += std::chrono::nanoseconds{static_cast<std::int64_t>(random() % step)};
            const std::size_t before = log.size();
            wheel.fire_due(now);
            for (std::size_t i = before; i < log.size(); ++i) {
                REQUIRE(log[i]->deadline <= now);
            }
        }
    }
    for (noted* const each : waiting) {
        removed += timer_wheel::remove(*each) ? 1 : 0;
    }
    CHECK(log.size() + removed == timers.size());
    CHECK_FALSE(wheel.next_due());
}

TEST_CASE("timer_wheel: add tells when the new timer is the earliest", "[executor]") {
    const clock::time_point start{};
    timer_wheel wheel{start};
    std::vector<noted*> log;
    noted late{log, start + 1h};
    noted early{log, start + 1s};
    noted between{log, start + 1min};
    CHECK(wheel.add(late, late.deadline));
    CHECK(wheel.add(early, early.deadline));
    CHECK_FALSE(wheel.add(between, between.deadline));
}

TEST_CASE("timer_wheel: a timer in the past fires at the next look", "[executor]") {
    const clock::time_point start{};
    timer_wheel wheel{start};
    std::vector<noted*> log;
    wheel.fire_due(start + 10s);
    noted past{log, start + 3s};
    wheel.add(past, past.deadline);
    wheel.fire_due(start + 10s + 1ms);
    CHECK(log.size() == 1);
}

TEST_CASE("timer_wheel: equal deadlines fire in the order of their adding", "[executor]") {
    const clock::time_point start{};
    timer_wheel wheel{start};
    std::vector<noted*> log;
    std::deque<noted> timers;
    for (int i = 0; i < 100; ++i) {
        timers.emplace_back(log, start + 5ms);
        wheel.add(timers.back(), timers.back().deadline);
    }
    wheel.fire_due(start + 6ms);
    REQUIRE(log.size() == timers.size());
    CHECK(std::equal(log.begin(), log.end(), timers.begin(), [](const noted* a, const noted& b) { return a == &b; }));
}

TEST_CASE("timer_wheel: one look fires a bounded number, and the next ones the rest, in order", "[executor]") {
    const clock::time_point start = clock::now();
    timer_wheel wheel{start};
    std::vector<noted*> fired;
    std::deque<noted> all;
    const std::size_t count = 2 * timer_wheel::most_at_once + 1;
    for (std::size_t i = 0; i < count; ++i) {
        all.emplace_back(fired, start + std::chrono::microseconds{count - i});
        static_cast<void>(wheel.add(all.back(), all.back().deadline));
    }
    const clock::time_point later = start + std::chrono::hours{1};
    CHECK(wheel.fire_due(later) == timer_wheel::most_at_once);
    CHECK(wheel.next_due() <= later);
    CHECK(wheel.earliest_due() <= later);
    CHECK_FALSE(timer_wheel::remove(all.front()));  // it is about to fire
    CHECK(wheel.fire_due(later) == timer_wheel::most_at_once);
    CHECK(wheel.fire_due(later) == 1);
    CHECK(wheel.fire_due(later) == 0);
    CHECK_FALSE(wheel.next_due().has_value());
    REQUIRE(fired.size() == count);
    CHECK(std::is_sorted(fired.begin(), fired.end(),
                         [](const noted* a, const noted* b) { return a->deadline < b->deadline; }));
}
