#include "gatherd/executor/detail/work_deque.hpp"

#include <array>
#include <catch2/catch.hpp>

using gatherd::executor::work_deque;

TEST_CASE("work_deque: the owner takes the newest item, and a thief the oldest", "[executor]") {
    std::array<int, 3> items{};
    work_deque<int, 4> deque;
    CHECK(deque.try_pop() == nullptr);
    CHECK(deque.try_steal() == nullptr);
    for (int& each : items) {
        REQUIRE(deque.try_push(each));
    }
    CHECK(deque.size() == 3);
    CHECK(deque.try_pop() == &items[2]);
    CHECK(deque.try_steal() == &items[0]);
    CHECK(deque.try_pop() == &items[1]);
    CHECK(deque.try_pop() == nullptr);
    CHECK(deque.try_steal() == nullptr);
    CHECK(deque.size() == 0);
}

TEST_CASE("work_deque: what does not fit is refused, and fits once either end has given one", "[executor]") {
    std::array<int, 5> items{};
    work_deque<int, 2> deque;
    REQUIRE(deque.try_push(items[0]));
    REQUIRE(deque.try_push(items[1]));
    CHECK_FALSE(deque.try_push(items[2]));
    CHECK(deque.try_steal() == &items[0]);
    CHECK(deque.try_push(items[2]));
    CHECK_FALSE(deque.try_push(items[3]));
    CHECK(deque.try_pop() == &items[2]);
    CHECK(deque.try_push(items[3]));
    CHECK_FALSE(deque.try_push(items[4]));
    CHECK(deque.try_steal() == &items[1]);
    CHECK(deque.try_steal() == &items[3]);
    CHECK(deque.size() == 0);
}

TEST_CASE("work_deque: the owner sees whether an item lies on top", "[executor]") {
    std::array<int, 2> items{};
    work_deque<int, 2> deque;
    CHECK_FALSE(deque.newest_is(items[0]));
    REQUIRE(deque.try_push(items[0]));
    CHECK(deque.newest_is(items[0]));
    REQUIRE(deque.try_push(items[1]));
    CHECK_FALSE(deque.newest_is(items[0]));
    CHECK(deque.try_pop() == &items[1]);
    CHECK(deque.newest_is(items[0]));
}
