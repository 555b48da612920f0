// Divide and conquer on all cores: merge sort. What a worker forks, a worker without work may steal; if none does, it
// costs little more than a call.
#include <algorithm>
#include <cstddef>
#include <cstdio>
#include <random>
#include <span>
#include <vector>

#include "gatherd/executor/fork_join/fork_join.hpp"
#include "gatherd/executor/run.hpp"
#include "gatherd/executor/scheduler.hpp"

using namespace gatherd::executor;

namespace {

constexpr std::size_t small = 1000;  // below this a second worker is not worth a fork

// Gives the number of merges.
forked<std::size_t> merge_sort(std::span<int> numbers, std::span<int> space) {
    if (numbers.size() <= small) {
        std::sort(numbers.begin(), numbers.end());
        co_return 0;
    }
    const std::size_t half = numbers.size() / 2;
    std::size_t left = 0;
    std::size_t right = 0;
    co_await fork(left, merge_sort(numbers.first(half), space.first(half)));
    co_await call(right, merge_sort(numbers.subspan(half), space.subspan(half)));
    co_await join();
    std::merge(numbers.begin(), numbers.begin() + static_cast<std::ptrdiff_t>(half),
               numbers.begin() + static_cast<std::ptrdiff_t>(half), numbers.end(), space.begin());
    std::copy(space.begin(), space.end(), numbers.begin());
    co_return left + right + 1;
}

task<> sorts() {
    std::vector<int> numbers(1'000'000);
    std::mt19937 random{42};
    std::generate(numbers.begin(), numbers.end(), [&random] { return static_cast<int>(random() % 1'000'000); });
    std::vector<int> space(numbers.size());
    const std::size_t merges = co_await fork_join(merge_sort(numbers, space));
    std::printf("%zu numbers, %zu merges, sorted: %s\n", numbers.size(), merges,
                std::is_sorted(numbers.begin(), numbers.end()) ? "yes" : "no");
}

}  // namespace

int main() {
    run(sorts());
}
