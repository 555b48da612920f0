#include "api/server/limits/task_allowance.hpp"

#include <catch2/catch.hpp>
#include <memory>
#include <utility>

namespace gatherd::api::server {
namespace {

/// What tasks are counted in: the service's, the connection's, the token's.
struct three_counters {
    task_allowance::counter_list all{std::make_shared<task_allowance::counter>(0),
                                     std::make_shared<task_allowance::counter>(0),
                                     std::make_shared<task_allowance::counter>(0)};

    /// The number that all three show, or -1.
    [[nodiscard]] long shown() const {
        const std::size_t first = all[0]->load();
        return all[1]->load() == first && all[2]->load() == first ? static_cast<long>(first) : -1;
    }
};

}  // namespace

TEST_CASE("task_allowance: while it lives its tasks count everywhere", "[server]") {
    const three_counters counters;
    {
        const task_allowance first{counters.all, 3};
        const task_allowance second{counters.all, 4};
        CHECK(counters.shown() == 7);
    }
    CHECK(counters.shown() == 0);
}

TEST_CASE("task_allowance: released, it gives back once, and knows how many it was for", "[server]") {
    const three_counters counters;
    const task_allowance other{counters.all, 1};
    {
        task_allowance allowance{counters.all, 3};
        allowance.release();
        CHECK(counters.shown() == 1);
        allowance.release();
        CHECK(allowance.tasks() == 3);
    }
    CHECK(counters.shown() == 1);
}

TEST_CASE("task_allowance: moved, it is given back by its new owner alone", "[server]") {
    const three_counters counters;
    task_allowance owner{counters.all, 1};
    {
        task_allowance first{counters.all, 3};
        task_allowance second{std::move(first)};
        CHECK(counters.shown() == 4);
        owner = std::move(second);  // its own one goes
        CHECK(counters.shown() == 3);
        CHECK(owner.tasks() == 3);
    }
    CHECK(counters.shown() == 3);
    owner.release();
    CHECK(counters.shown() == 0);
}

TEST_CASE("task_allowance: it outlives the connection that counts", "[server]") {
    three_counters counters;
    const std::weak_ptr<task_allowance::counter> kept = counters.all[1];
    task_allowance allowance{counters.all, 3};
    counters.all = {};
    CHECK_FALSE(kept.expired());
    allowance.release();
    CHECK(kept.expired());
}

}  // namespace gatherd::api::server
