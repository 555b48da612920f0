/// \file
/// Tasks that are cancelled at random moments, again and again.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <random>
#include <utility>
#include <vector>

#include "gatherd/executor/create_task.hpp"
#include "gatherd/executor/errors.hpp"
#include "gatherd/executor/run.hpp"
#include "gatherd/executor/sleep.hpp"

namespace gatherd::executor {

/// Lets some time pass: none, a turn of the others, or up to 200 us.
inline task<> pause(std::mt19937& random) {
    switch (random() % 4) {
        case 0:
            co_await sleep(std::chrono::microseconds{random() % 200});
            break;
        case 1:
            co_await yield();
            break;
        default:
            break;
    }
}

/// Cancels the victims, one after the other at random, until all have ended. They go on with their next round.
template <typename T>
task<> harass(std::vector<task_handle<T>> victims, unsigned seed) {
    std::mt19937 random{seed};
    while (!victims.empty()) {
        const std::size_t victim = random() % victims.size();
        if (!victims[victim].cancel()) {
            victims.erase(victims.begin() + static_cast<std::ptrdiff_t>(victim));
        }
        co_await sleep(std::chrono::microseconds{random() % 50});
    }
}

/// Adds the result while its task still runs: a cancel in the last step takes a task's own result.
inline task<> add_to(std::atomic<long>& sum, task<long> coroutine) {
    sum += co_await std::move(coroutine);
}

/// Until each has ended, cancelled or not.
inline task<> ends_of(std::vector<task_handle<>> tasks) {
    for (const auto& each : tasks) {
        try {
            co_await each;
        } catch (const cancelled_error&) {  // before its first step, or in its last
        }
    }
}

/// Runs the coroutines as tasks that are harassed; the sum of their results.
inline task<long> sum_of_harassed(std::vector<task<long>> coroutines, unsigned seed) {
    std::atomic<long> sum{0};
    std::vector<task_handle<>> victims;
    for (auto& each : coroutines) {
        victims.push_back(create_task(add_to(sum, std::move(each))));
    }
    co_await harass(victims, seed);
    co_await ends_of(std::move(victims));
    co_return sum;
}

inline long run_on_three(task<long> main) {
    scheduler on{{.workers = 3}};
    return run(on, std::move(main));
}

}  // namespace gatherd::executor
