#include "gatherd/executor/detail/run_queue.hpp"

#include <array>
#include <catch2/catch.hpp>
#include <cstddef>
#include <vector>

using gatherd::executor::run_queue;

namespace {

using queue_of_ints = run_queue<int, 256>;
using queue_of_two = run_queue<int, 2>;

/// Numbers to push, and their names in what comes out.
struct numbers {
    std::array<int, 300> items{};

    template <typename Queue>
    void push(Queue& queue, std::size_t first, std::size_t last) {
        for (std::size_t i = first; i < last; ++i) {
            REQUIRE(queue.try_push(items[i]));
        }
    }
    [[nodiscard]] std::ptrdiff_t name_of(const int* item) const { return item == nullptr ? -1 : item - items.data(); }
};

}  // namespace

TEST_CASE("run_queue: the owner takes what it pushed, first in, first out", "[executor]") {
    numbers all;
    queue_of_two queue;
    CHECK(all.name_of(queue.try_take()) == -1);
    all.push(queue, 0, 2);
    CHECK(all.name_of(queue.try_take()) == 0);
    all.push(queue, 2, 3);  // round the end of the ring
    CHECK(all.name_of(queue.try_take()) == 1);
    CHECK(all.name_of(queue.try_take()) == 2);
    CHECK(all.name_of(queue.try_take()) == -1);
    CHECK(queue.size() == 0);
}

TEST_CASE("run_queue: what does not fit is refused, and fits once something was taken", "[executor]") {
    numbers all;
    queue_of_two queue;
    all.push(queue, 0, 2);
    CHECK_FALSE(queue.try_push(all.items[2]));
    CHECK(all.name_of(queue.try_take()) == 0);
    CHECK(queue.try_push(all.items[2]));
    CHECK_FALSE(queue.try_push(all.items[3]));
    CHECK(all.name_of(queue.try_take()) == 1);
    CHECK(all.name_of(queue.try_take()) == 2);
    CHECK(queue.size() == 0);
}

TEST_CASE("run_queue: a thief gets the first half, rounded up, but 64 at most", "[executor]") {
    numbers all;
    queue_of_ints queue;
    queue_of_ints::loot loot;
    CHECK(queue.try_steal(loot) == 0);

    all.push(queue, 0, 5);
    REQUIRE(queue.try_steal(loot) == 3);
    CHECK(all.name_of(loot[0]) == 0);
    CHECK(all.name_of(loot[2]) == 2);
    REQUIRE(queue.try_steal(loot) == 1);
    CHECK(all.name_of(loot[0]) == 3);
    REQUIRE(queue.try_steal(loot) == 1);
    CHECK(all.name_of(loot[0]) == 4);
    CHECK(queue.try_steal(loot) == 0);

    all.push(queue, 0, 200);
    REQUIRE(queue.try_steal(loot) == queue_of_ints::most_at_once);
    CHECK(all.name_of(loot[63]) == 63);
    CHECK(all.name_of(queue.try_take()) == 64);
    CHECK(queue.size() == 135);
}
