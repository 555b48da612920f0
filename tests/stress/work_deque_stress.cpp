#include "gatherd/executor/detail/work_deque.hpp"

#include <atomic>
#include <catch2/catch.hpp>
#include <random>
#include <thread>
#include <vector>

using gatherd::executor::work_deque;

TEST_CASE("work_deque: with thieves at work every item leaves exactly once", "[stress]") {
    constexpr int items = 200'000;
    constexpr int thieves = 3;
    const auto seed = std::random_device{}();
    CAPTURE(seed);
    std::vector<std::atomic<int>> taken(items);
    std::vector<int> names(items);
    work_deque<int, 16> deque;  // so small that it is often full
    std::atomic<bool> done{false};
    const auto take = [&](int* item) {
        if (item != nullptr) {
            taken[static_cast<std::size_t>(item - names.data())].fetch_add(1);
        }
    };
    std::vector<std::thread> threads;
    for (int i = 0; i < thieves; ++i) {
        threads.emplace_back([&] {
            while (!done) {
                take(deque.try_steal());
            }
        });
    }
    std::mt19937 random{seed};
    for (int next = 0; next < items;) {
        for (auto burst = random() % 20; burst > 0 && next < items; --burst) {
            next += deque.try_push(names[static_cast<std::size_t>(next)]) ? 1 : 0;
        }
        for (auto burst = random() % 12; burst > 0; --burst) {
            take(random() % 4 == 0 ? deque.try_steal() : deque.try_pop());
        }
    }
    while (deque.size() > 0) {
        take(deque.try_pop());
    }
    done = true;
    for (auto& each : threads) {
        each.join();
    }
    int wrong = 0;
    for (const auto& times : taken) {
        wrong += times != 1 ? 1 : 0;
    }
    CHECK(wrong == 0);
}
