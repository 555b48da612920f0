#include "gatherd/executor/detail/idle_workers.hpp"

#include <catch2/catch.hpp>

using gatherd::executor::idle_workers;

TEST_CASE("idle_workers: a push wakes an announced worker, unless another one searches", "[executor]") {
    idle_workers<> idle{4};
    CHECK_FALSE(idle.has_to_wake());
    idle.announce(2, false);
    REQUIRE(idle.has_to_wake());
    CHECK(idle.begin_search());
    CHECK_FALSE(idle.has_to_wake());
    CHECK_FALSE(idle.claim_for_wake());
    CHECK(idle.end_search());  // the last one
    CHECK(idle.claim_for_wake() == 2);
    CHECK(idle.is_searched());  // the one that was claimed
    CHECK(idle.retract(2, false));
    CHECK(idle.end_search());
}

TEST_CASE("idle_workers: a worker that announced itself and then saw work is a searcher", "[executor]") {
    idle_workers<> idle{4};
    idle.announce(0, false);
    REQUIRE(idle.begin_search());
    idle.announce(1, true);
    CHECK(idle.retract(1, true));
    CHECK(idle.is_searched());
    CHECK_FALSE(idle.has_to_wake());
    CHECK(idle.end_search());
    CHECK(idle.has_to_wake());  // for worker 0
    CHECK_FALSE(idle.retract(0, false));
    CHECK_FALSE(idle.has_to_wake());
}
