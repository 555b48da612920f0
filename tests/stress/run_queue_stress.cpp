#include "gatherd/executor/detail/run_queue.hpp"

#include <atomic>
#include <catch2/catch.hpp>
#include <cstddef>
#include <random>
#include <thread>
#include <vector>

using gatherd::executor::run_queue;

TEST_CASE("run_queue: with thieves at work every item leaves exactly once, each taker's in order", "[stress]") {
    constexpr int items = 200'000;
    constexpr int thieves = 3;
    const auto seed = std::random_device{}();
    CAPTURE(seed);
    std::vector<std::atomic<int>> taken(items);
    std::vector<int> names(items);
    run_queue<int, 64> queue;  // so small that it is often full
    std::atomic<bool> done{false};
    std::atomic<int> out_of_order{0};
    const auto take = [&](const int* item, std::ptrdiff_t& last) {
        const std::ptrdiff_t name = item - names.data();
        taken[static_cast<std::size_t>(name)].fetch_add(1);
        out_of_order += name <= last ? 1 : 0;
        last = name;
    };
    std::vector<std::thread> threads;
    for (int i = 0; i < thieves; ++i) {
        threads.emplace_back([&] {
            run_queue<int, 64>::loot loot;
            std::ptrdiff_t last = -1;
            while (!done) {
                const std::size_t count = queue.try_steal(loot);
                for (std::size_t each = 0; each < count; ++each) {
                    take(loot[each], last);
                }
            }
        });
    }
    std::mt19937 random{seed};
    std::ptrdiff_t last = -1;
    const auto take_one = [&] {
        if (const int* const item = queue.try_take()) {
            take(item, last);
        }
    };
    for (int next = 0; next < items;) {
        for (auto burst = random() % 200; burst > 0 && next < items; --burst) {
            next += queue.try_push(names[static_cast<std::size_t>(next)]) ? 1 : 0;
        }
        for (auto burst = random() % 100; burst > 0; --burst) {
            take_one();
        }
    }
    while (queue.size() > 0) {
        take_one();
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
    CHECK(out_of_order == 0);
}
