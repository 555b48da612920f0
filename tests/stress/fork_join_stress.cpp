// Trees of forks on more workers than cores, beside tasks that wait, yield and start trees of their own: thieves take
// continuations at every depth. A lost continuation makes a test hang, one taken twice a sum differ.
#include "gatherd/executor/fork_join/fork_join.hpp"

#include <atomic>
#include <catch2/catch.hpp>
#include <cstdint>
#include <random>
#include <stdexcept>
#include <vector>

#include "gatherd/executor/gather.hpp"
#include "gatherd/executor/run.hpp"
#include "gatherd/executor/sleep.hpp"

using namespace gatherd::executor;

namespace {

/// A tree whose shape hangs on the seed alone: how many nodes it has, by plain recursion.
long size_of_tree(std::uint32_t seed, int depth) {
    std::minstd_rand random{seed};
    long size = 1;
    for (auto children = depth == 0 ? 0 : random() % 5; children > 0; --children) {
        size += size_of_tree(static_cast<std::uint32_t>(random()), depth - 1);
    }
    return size;
}

/// The same by forks and calls, with joins in between.
forked<long> count_tree(std::uint32_t seed, int depth) {
    std::minstd_rand random{seed};
    const auto children = depth == 0 ? 0 : random() % 5;
    std::vector<long> sizes(children);
    for (std::size_t i = 0; i < children; ++i) {
        const auto child = static_cast<std::uint32_t>(random());
        if (child % 7 == 0) {
            co_await call(sizes[i], count_tree(child, depth - 1));
        } else {
            co_await fork(sizes[i], count_tree(child, depth - 1));
        }
        if (child % 11 == 0) {
            co_await join();
        }
    }
    co_await join();
    long size = 1;
    for (const long each : sizes) {
        size += each;
    }
    co_return size;
}

/// Every leaf with the number 0 fails, and so does what is above it.
forked<int> fails_somewhere(int depth, std::uint32_t number) {
    if (depth == 0) {
        if (number % 64 == 0) {
            throw std::runtime_error{"leaf"};
        }
        co_return 1;
    }
    int left = 0;
    int right = 0;
    co_await fork(left, fails_somewhere(depth - 1, 2 * number));
    co_await call(right, fails_somewhere(depth - 1, 2 * number + 1));
    co_await join();
    co_return left + right;
}

task<int> counts_trees(std::uint32_t seed, int rounds) {
    std::minstd_rand random{seed};
    int wrong = 0;
    for (int i = 0; i < rounds; ++i) {
        const auto tree = static_cast<std::uint32_t>(random());
        wrong += co_await fork_join(count_tree(tree, 8)) == size_of_tree(tree, 8) ? 0 : 1;
        if (tree % 3 == 0) {
            co_await yield();
        } else if (tree % 3 == 1) {
            co_await sleep(std::chrono::microseconds{tree % 100});
        }
    }
    co_return wrong;
}

task<int> counts_failures(int rounds) {
    int failures = 0;
    for (int i = 0; i < rounds; ++i) {
        try {
            co_await fork_join(fails_somewhere(8, 1));
        } catch (const std::runtime_error&) {
            ++failures;
        }
    }
    co_return failures;
}

template <typename Make>
task<int> sum_of(int count, Make make) {
    std::vector<task<int>> all;
    for (int i = 0; i < count; ++i) {
        all.push_back(make(i));
    }
    int sum = 0;
    for (const int each : co_await gather(std::move(all))) {
        sum += each;
    }
    co_return sum;
}

}  // namespace

TEST_CASE("fork_join: random trees are counted right, several at once, with thieves", "[stress]") {
    const auto seed = std::random_device{}();
    CAPTURE(seed);
    scheduler on{{.workers = 4}};
    const auto one = [seed](int i) { return counts_trees(seed + static_cast<std::uint32_t>(i), 30); };
    CHECK(run(on, sum_of(6, one)) == 0);
}

TEST_CASE("fork_join: a failure is raised once for each computation, with thieves", "[stress]") {
    scheduler on{{.workers = 4}};
    const auto one = [](int) { return counts_failures(100); };
    CHECK(run(on, sum_of(4, one)) == 400);
}
