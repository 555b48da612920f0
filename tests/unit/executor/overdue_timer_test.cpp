// A worker whose step takes long does not hold up the timers of other tasks, as long as another worker is idle.
#include <algorithm>
#include <array>
#include <catch2/catch.hpp>
#include <latch>
#include <thread>
#include <vector>

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

/// A sleep, and the moments that its deadline lies between: read before it began and once its task was suspended.
struct nap {
    std::chrono::milliseconds delay{};
    clock::time_point earliest{};
    clock::time_point latest{};
};

task<> takes(nap& own, std::vector<const nap*>& woken) {
    own.earliest = clock::now() + own.delay;
    co_await sleep(own.delay);
    woken.push_back(&own);
}

/// Gives how many sleepers went on before one whose deadline was certainly earlier.
task<int> out_of_order() {
    std::array<nap, 3> naps{{{.delay = 6ms}, {.delay = 2ms}, {.delay = 4ms}}};
    std::vector<const nap*> woken;
    std::vector<task_handle<>> sleepers;
    for (nap& one : naps) {
        sleepers.push_back(create_task(takes(one, woken)));
        co_await yield();  // in a serial scope it sleeps now, or has slept
        one.latest = clock::now() + one.delay;
    }
    for (task_handle<>& sleeper : sleepers) {
        co_await sleeper;
    }
    int wrong = 0;
    for (auto later = woken.begin(); later != woken.end(); ++later) {
        wrong += static_cast<int>(std::count_if(
            woken.begin(), later, [&](const nap* before) { return (*later)->latest < before->earliest; }));
    }
    co_return wrong;
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
        CHECK(run(on, out_of_order(), ordering::serial) == 0);
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
