// A worker whose step takes long does not hold up the timers of other tasks, as long as another worker is idle.
#include <catch2/catch.hpp>
#include <latch>
#include <string>
#include <thread>

#include "gatherd/executor/create_task.hpp"
#include "gatherd/executor/run.hpp"
#include "gatherd/executor/sleep.hpp"
#include "gatherd/executor/timer.hpp"

using namespace gatherd::executor;
using namespace std::chrono_literals;

namespace {

task<> sleeps(std::latch& over) {
    co_await sleep(1ms);
    over.count_down();
}

/// Blocks its worker until the sleep is over, whose timer that worker keeps, unless a thief took the sleeper first.
task<> blocks_until(std::latch& over) {
    const auto sleeper = create_task(sleeps(over));
    co_await yield();
    over.wait();
    co_await sleeper;
}

task<> appends(std::string& out, char letter, std::chrono::milliseconds delay) {
    co_await sleep(delay);
    out.push_back(letter);
}

task<std::string> in_order() {
    std::string out;
    const auto c = create_task(appends(out, 'c', 6ms));
    const auto a = create_task(appends(out, 'a', 2ms));
    const auto b = create_task(appends(out, 'b', 4ms));
    co_await a;
    co_await b;
    co_await c;
    co_return out;
}

task<> blocks(std::latch& asked) {
    asked.wait();
    co_return;
}

}  // namespace

TEST_CASE("overdue timers: an idle worker fires those of one whose step takes long", "[executor]") {
    scheduler on{{.workers = 2}};
    for (int round = 0; round < 20; ++round) {
        std::latch over{1};
        run(on, blocks_until(over));  // without the other worker it would never end
    }
}

TEST_CASE("overdue timers: in a serial scope tasks go on in the order of their deadlines, whoever fires them",
          "[executor]") {
    scheduler on{{.workers = 2}};
    for (int round = 0; round < 20; ++round) {
        CHECK(run(on, in_order(), ordering::serial) == "abc");
    }
}

TEST_CASE("overdue timers: a callback runs on its own worker, however late", "[executor]") {
    scheduler on{{.workers = 2}};
    std::latch asked{1};
    std::latch fired{1};
    std::thread::id home;
    std::thread::id ran_on;
    timer late;
    const auto body = [&]() -> task<> {
        home = std::this_thread::get_id();
        late.set(on, 1ms, [&] {
            ran_on = std::this_thread::get_id();
            fired.count_down();
        });
        asked.count_down();
        co_return;
    };
    run(on, body());
    run(on, blocks(asked));
    fired.wait();
    CHECK(ran_on == home);
}
