// Awaits that succeed at once have a budget: a step that makes many of them lets other work run in between.
#include <atomic>
#include <catch2/catch.hpp>
#include <latch>
#include <string>
#include <thread>
#include <vector>

#include "gatherd/executor/create_task.hpp"
#include "gatherd/executor/errors.hpp"
#include "gatherd/executor/event.hpp"
#include "gatherd/executor/gather.hpp"
#include "gatherd/executor/mutex.hpp"
#include "gatherd/executor/queue.hpp"
#include "gatherd/executor/run.hpp"
#include "gatherd/executor/sleep.hpp"
#include "gatherd/executor/wait.hpp"
#include "gatherd/executor/wait_for.hpp"

using namespace gatherd::executor;
using namespace std::chrono_literals;

namespace {

task<> puts_and_gets() {
    queue<int> items;
    for (;;) {
        co_await items.put(1);
        co_await items.get();
    }
}

task<> locks_and_unlocks() {
    mutex lock;
    for (;;) {
        const auto guard = co_await lock.lock();
    }
}

task<> waits_for_what_is_set() {
    event there;
    there.set();
    for (;;) {
        co_await there.wait();
    }
}

task<int> one() {
    co_return 1;
}

task<> awaits_what_has_ended() {
    const auto ended = create_task(one());
    for (;;) {
        co_await ended;
    }
}

task<> waits_for_what_has_ended() {
    const auto ended = create_task(one());
    for (;;) {
        co_await wait(ended.ref());
    }
}

task<> gathers_one() {
    for (;;) {
        co_await gather(one());
    }
}

/// Uses up the budget of this step, so that the next await is put off.
task<> uses_up_the_budget(event& there) {
    for (int i = 0; i < 127; ++i) {
        co_await there.wait();
    }
}

task<bool> waits_with_a_timeout_when_put_off() {
    event there;
    there.set();
    event never;
    const auto waits = [](event& gate) -> task<> { co_await gate.wait(); };
    const auto running = create_task(waits(never));
    for (int used = 0; used < 3; ++used) {  // whatever the exact budget is, one of them is put off
        co_await uses_up_the_budget(there);
        const wait_result in_time = co_await wait(running.ref(), 1ms);
        if (in_time.over) {
            co_return false;
        }
        co_await there.wait();
    }
    running.cancel();
    co_await wait(running.ref());
    co_return true;
}

task<> takes_and_gives_back(mutex& lock, std::atomic<int>& taken) {
    for (;;) {
        const auto guard = co_await lock.lock();
        ++taken;
    }
}

/// Whether the mutex is free after a cancellation came at whatever moment.
task<bool> cancels_who_locks() {
    mutex lock;
    std::atomic<int> taken{0};
    const auto taker = create_task(takes_and_gives_back(lock, taken));
    while (taken < 100) {
        co_await yield();
    }
    taker.cancel();
    co_await wait(taker.ref());
    co_return !lock.locked();
}

task<bool> ends_by_its_timeout(task<> endless) {
    try {
        co_await wait_for(std::move(endless), 1ms);
    } catch (const timeout_error&) {
        co_return true;
    }
    co_return false;
}

task<> appends(queue<int>& full, std::string& out, char letter) {
    for (int i = 0; i < 300; ++i) {
        co_await full.get();
        out.push_back(letter);
    }
}

task<std::string> appends_twice() {
    queue<int> full;
    std::string out;
    for (int i = 0; i < 600; ++i) {
        full.put_nowait(i);
    }
    const auto first = create_task(appends(full, out, 'a'));
    const auto second = create_task(appends(full, out, 'b'));
    co_await first;
    co_await second;
    co_return out;
}

task<> takes_all(queue<int>& items, std::atomic<int>& taken) {
    for (;;) {
        co_await items.get();
        ++taken;
    }
}

task<int> cancels_a_taker(int puts) {
    queue<int> items;
    std::atomic<int> taken{0};
    for (int i = 0; i < puts; ++i) {
        items.put_nowait(i);
    }
    const auto taker = create_task(takes_all(items, taken));
    while (taken == 0) {
        co_await yield();
    }
    taker.cancel();
    co_await wait(taker.ref());
    co_return taken + static_cast<int>(items.size());
}

}  // namespace

TEST_CASE("budget: a timeout ends a loop of awaits that all succeed at once", "[executor]") {
    task<> (*const loops[])() = {puts_and_gets,         locks_and_unlocks,        waits_for_what_is_set,
                                 awaits_what_has_ended, waits_for_what_has_ended, gathers_one};
    for (const std::size_t workers : {1U, 2U}) {
        scheduler on{{.workers = workers}};
        for (const auto loop : loops) {
            CHECK(run(on, ends_by_its_timeout(loop())));
        }
    }
}

TEST_CASE("budget: in a serial scope such a loop keeps other programs from nothing, and a cancellation ends it",
          "[executor]") {
    scheduler on{{.workers = 1}};
    std::latch begun{1};
    task_state* looping = nullptr;
    const auto loops = [&]() -> task<bool> {
        looping = &task_state::current();
        begun.count_down();
        try {
            co_await puts_and_gets();
        } catch (const cancelled_error&) {
            co_return true;
        }
        co_return false;
    };
    bool ended = false;
    std::thread other{[&] { ended = run(on, loops(), ordering::serial); }};
    begun.wait();
    const auto cancels = [&]() -> task<> {
        looping->cancel();
        co_return;
    };
    run(on, cancels());
    other.join();
    CHECK(ended);
}

TEST_CASE("budget: in a serial scope no other task runs before an await that is put off", "[executor]") {
    scheduler on{{.workers = 2}};
    CHECK(run(on, appends_twice(), ordering::serial) == std::string(300, 'a') + std::string(300, 'b'));
}

TEST_CASE("budget: a cancellation of an await that is put off loses no item", "[executor]") {
    for (const std::size_t workers : {1U, 2U}) {
        scheduler on{{.workers = workers}};
        for (int puts = 120; puts < 400; ++puts) {
            REQUIRE(run(on, cancels_a_taker(puts)) == puts);
        }
    }
}

TEST_CASE("budget: a wait with a timeout that is put off begins with its timer", "[executor]") {
    scheduler on{{.workers = 1}};
    CHECK(run(on, waits_with_a_timeout_when_put_off()));
}

TEST_CASE("budget: a cancellation that crosses a lock that was put off leaves the mutex free", "[executor]") {
    scheduler on{{.workers = 2}};
    for (int round = 0; round < 2000; ++round) {
        REQUIRE(run(on, cancels_who_locks()));
    }
}
