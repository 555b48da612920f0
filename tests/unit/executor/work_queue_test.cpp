#include "gatherd/executor/detail/work_queue.hpp"

#include <array>
#include <catch2/catch.hpp>
#include <cstddef>
#include <vector>

using gatherd::executor::work_queue;

namespace {

using queue_of_ints = work_queue<int>;

/// Numbers to push, and their names in what comes out.
struct numbers {
    std::array<int, 300> items{};

    void push(queue_of_ints& into, std::size_t first, std::size_t last) {
        for (std::size_t i = first; i < last; ++i) {
            into.push(&items[i]);
        }
    }
    [[nodiscard]] std::ptrdiff_t name_of(const int* item) const { return item == nullptr ? -1 : item - items.data(); }
};

}  // namespace

TEST_CASE("work_queue: the owner takes what it pushed, first in, first out", "[executor]") {
    numbers all;
    queue_of_ints queue{2};
    CHECK(all.name_of(queue.take()) == -1);
    all.push(queue, 0, 2);
    CHECK(all.name_of(queue.take()) == 0);
    all.push(queue, 2, 3);  // round the end of the ring
    CHECK(all.name_of(queue.take()) == 1);
    CHECK(all.name_of(queue.take()) == 2);
    CHECK(all.name_of(queue.take()) == -1);
    CHECK(queue.size() == 0);
}

TEST_CASE("work_queue: it grows, and keeps the order", "[executor]") {
    numbers all;
    queue_of_ints queue{2};
    all.push(queue, 0, 2);
    CHECK(all.name_of(queue.take()) == 0);
    all.push(queue, 2, all.items.size());  // several rings on
    CHECK(queue.size() == all.items.size() - 1);
    for (std::size_t i = 1; i < all.items.size(); ++i) {
        REQUIRE(all.name_of(queue.take()) == static_cast<std::ptrdiff_t>(i));
    }
}

TEST_CASE("work_queue: a thief gets the first half, rounded up, but 64 at most", "[executor]") {
    numbers all;
    queue_of_ints queue;
    queue_of_ints::loot loot;
    CHECK(queue.steal(loot) == 0);

    all.push(queue, 0, 5);
    REQUIRE(queue.steal(loot) == 3);
    CHECK(all.name_of(loot[0]) == 0);
    CHECK(all.name_of(loot[2]) == 2);
    REQUIRE(queue.steal(loot) == 1);
    CHECK(all.name_of(loot[0]) == 3);
    REQUIRE(queue.steal(loot) == 1);
    CHECK(all.name_of(loot[0]) == 4);
    CHECK(queue.steal(loot) == 0);

    all.push(queue, 0, 200);
    REQUIRE(queue.steal(loot) == queue_of_ints::most_at_once);
    CHECK(all.name_of(loot[63]) == 63);
    CHECK(all.name_of(queue.take()) == 64);
    CHECK(queue.size() == 135);
}
