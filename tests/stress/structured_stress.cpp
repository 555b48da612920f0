// What waits for tasks and limits them, on three workers, with cancellations at random moments: no task is left behind,
// and no request.
#include <atomic>
#include <catch2/catch.hpp>
#include <random>
#include <stdexcept>
#include <vector>

#include "gatherd/executor/create_task.hpp"
#include "gatherd/executor/exception_group.hpp"
#include "gatherd/executor/gather.hpp"
#include "gatherd/executor/race.hpp"
#include "gatherd/executor/shield.hpp"
#include "gatherd/executor/sleep.hpp"
#include "gatherd/executor/task_group.hpp"
#include "gatherd/executor/timeout.hpp"
#include "tests/stress/harassed.hpp"

using namespace gatherd::executor;

namespace {

constexpr int rounds = 500;

void stay_busy(std::chrono::microseconds time) {
    const auto until = clock::now() + time;
    while (clock::now() < until) {
    }
}

/// Two limits that pass at any moment of a body which waits and computes: each request is told from the other, and
/// none is left over.
task<long> times_out(unsigned seed) {
    std::mt19937 random{seed};
    const auto some_time = [&random] { return std::chrono::microseconds{random() % 1500}; };
    long bad = 0;
    for (int i = 0; i < rounds / 2; ++i) {
        const auto inner_body = [&some_time](timeout_scope&) -> task<> {
            for (int part = 0; part < 3; ++part) {
                co_await sleep(some_time() / 3);
                stay_busy(some_time() / 20);
            }
        };
        const auto outer_body = [&some_time, &inner_body](timeout_scope&) -> task<> {
            try {
                co_await timeout(some_time(), inner_body);
            } catch (const timeout_error&) {
            }
            co_await yield();
        };
        try {
            co_await timeout(some_time(), outer_body);
        } catch (const timeout_error&) {
        }
        try {
            co_await yield();
        } catch (const cancelled_error&) {
            ++bad;
        }
        bad += task_state::current().cancelling() == 0 ? 0 : 1;
    }
    co_return bad;
}

task<long> times_out_on_all_workers(unsigned seed) {
    std::vector<task<long>> all;
    for (unsigned i = 0; i < 6; ++i) {
        all.push_back(times_out(seed + i));
    }
    long bad = 0;
    const auto each_bad = co_await gather(std::move(all));
    for (const long each : each_bad) {
        bad += each;
    }
    co_return bad;
}

struct presence {
    explicit presence(std::atomic<long>& in) noexcept : inside{in} { ++inside; }
    presence(const presence&) = delete;
    ~presence() { --inside; }
    std::atomic<long>& inside;
};

task<> member(std::atomic<long>& inside, unsigned seed) {
    const presence here{inside};
    std::mt19937 random{seed};
    co_await pause(random);
    if (random() % 8 == 0) {
        throw std::runtime_error{"boom"};
    }
    co_await pause(random);
}

/// Members that a group, whatever happens to it, left behind; and requests.
task<long> groups_leave(unsigned seed, bool cancelled_outside) {
    std::mt19937 random{seed};
    std::atomic<long> inside{0};
    long bad = 0;
    for (int i = 0; i < rounds / 2; ++i) {
        const auto body = [&inside, &random](task_group& group) -> task<> {
            for (int n = 0; n < 6; ++n) {
                group.create_task(member(inside, static_cast<unsigned>(random())));
                co_await pause(random);
            }
        };
        try {
            co_await with_task_group(body);
        } catch (const exception_group&) {
        } catch (const cancelled_error&) {
        }
        bad += inside;
        if (!cancelled_outside) {
            bad += task_state::current().cancelling();
        }
    }
    co_return bad;
}

task<long> left_by_groups(unsigned seed, bool cancel) {
    std::vector<task<long>> all;
    for (unsigned i = 0; i < 4; ++i) {
        all.push_back(groups_leave(seed + i, cancel));
    }
    if (cancel) {
        co_return co_await sum_of_harassed(std::move(all), seed);
    }
    long bad = 0;
    const auto each_bad = co_await gather(std::move(all));
    for (const long each : each_bad) {
        bad += each;
    }
    co_return bad;
}

task<long> runner(std::atomic<long>& inside, unsigned seed) {
    const presence here{inside};
    std::mt19937 random{seed};
    co_await pause(random);
    co_return 1;
}

task<long> races(unsigned seed) {
    std::mt19937 random{seed};
    std::atomic<long> inside{0};
    long bad = 0;
    for (int i = 0; i < rounds; ++i) {
        try {
            co_await race(runner(inside, static_cast<unsigned>(random())),
                          runner(inside, static_cast<unsigned>(random())),
                          runner(inside, static_cast<unsigned>(random())));
        } catch (const cancelled_error&) {
        }
        bad += inside;
    }
    co_return bad;
}

task<long> left_by_races(unsigned seed) {
    std::vector<task<long>> all;
    for (unsigned i = 0; i < 4; ++i) {
        all.push_back(races(seed + i));
    }
    co_return co_await sum_of_harassed(std::move(all), seed);
}

/// Shielded tasks that did not run to their end.
task<long> shields(unsigned seed, std::atomic<long>& ended) {
    std::mt19937 random{seed};
    long begun = 0;
    for (int i = 0; i < rounds; ++i) {
        const auto inner = create_task([](std::atomic<long>& count, unsigned own) -> task<> {
            std::mt19937 its{own};
            co_await pause(its);
            ++count;
        }(ended, static_cast<unsigned>(random())));
        ++begun;
        for (bool waiting = true; waiting;) {
            try {
                co_await shield(inner);
                waiting = false;
            } catch (const cancelled_error&) {
            }
        }
    }
    co_return begun;
}

task<long> lost_by_shields(unsigned seed) {
    std::atomic<long> ended{0};
    std::vector<task<long>> all;
    for (unsigned i = 0; i < 4; ++i) {
        all.push_back(shields(seed + i, ended));
    }
    const long begun = co_await sum_of_harassed(std::move(all), seed);
    co_return begun - ended;
}

}  // namespace

TEST_CASE("timeout: nested limits leave no request behind, whenever they pass", "[stress]") {
    const auto seed = std::random_device{}();
    CAPTURE(seed);
    CHECK(run_on_three(times_out_on_all_workers(seed)) == 0);
}

TEST_CASE("task_group: leaves no task and no request behind, whatever fails or is cancelled", "[stress]") {
    const auto seed = std::random_device{}();
    CAPTURE(seed);
    CHECK(run_on_three(left_by_groups(seed, false)) == 0);
    CHECK(run_on_three(left_by_groups(seed, true)) == 0);
}

TEST_CASE("race: leaves no task behind, whenever it is cancelled", "[stress]") {
    const auto seed = std::random_device{}();
    CAPTURE(seed);
    CHECK(run_on_three(left_by_races(seed)) == 0);
}

TEST_CASE("shield: cancelled awaiters leave the tasks alone", "[stress]") {
    const auto seed = std::random_device{}();
    CAPTURE(seed);
    CHECK(run_on_three(lost_by_shields(seed)) == 0);
}
