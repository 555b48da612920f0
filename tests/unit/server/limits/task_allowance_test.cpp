#include "api/server/limits/task_allowance.hpp"

#include <catch2/catch.hpp>
#include <memory>
#include <utility>

#include "api/server/limits/program_memory.hpp"
#include "idle_service.hpp"

namespace gatherd::api::server {
namespace {

using tests::idle_service;

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

TEST_CASE("task_allowance: while it lives its tasks and memory count everywhere", "[server]") {
    memory_ledger ledger;
    const three_counters counters;
    {
        const task_allowance first{ledger, counters.all, 3, 100};
        const task_allowance second{ledger, counters.all, 4, 50};
        CHECK(counters.shown() == 7);
        CHECK(ledger.held() == 150);
    }
    CHECK(counters.shown() == 0);
    CHECK(ledger.held() == 0);
    CHECK(ledger.most() == 150);
}

TEST_CASE("task_allowance: released, it gives back once, and knows how many it was for", "[server]") {
    memory_ledger ledger;
    const three_counters counters;
    const task_allowance other{ledger, counters.all, 1, 10};
    {
        task_allowance allowance{ledger, counters.all, 3, 100};
        allowance.release();
        CHECK(counters.shown() == 1);
        CHECK(ledger.held() == 10);
        allowance.release();
        CHECK(allowance.tasks() == 3);
    }
    CHECK(counters.shown() == 1);
    CHECK(ledger.held() == 10);
}

TEST_CASE("task_allowance: moved, it is given back by its new owner alone", "[server]") {
    memory_ledger ledger;
    const three_counters counters;
    task_allowance owner{ledger, counters.all, 1, 10};
    {
        task_allowance first{ledger, counters.all, 3, 100};
        task_allowance second{std::move(first)};
        CHECK(counters.shown() == 4);
        owner = std::move(second);  // its own one goes
        CHECK(counters.shown() == 3);
        CHECK(ledger.held() == 100);
        CHECK(owner.tasks() == 3);
    }
    CHECK(counters.shown() == 3);
    owner.release();
    CHECK(counters.shown() == 0);
    CHECK(ledger.held() == 0);
}

TEST_CASE("task_allowance: it outlives the connection that counts", "[server]") {
    memory_ledger ledger;
    three_counters counters;
    const std::weak_ptr<task_allowance::counter> kept = counters.all[1];
    task_allowance allowance{ledger, counters.all, 3, 0};
    counters.all = {};
    CHECK_FALSE(kept.expired());
    allowance.release();
    CHECK(kept.expired());
}

TEST_CASE("program_memory: a program may hold as much as there may be, and is told of the first byte beyond",
          "[server]") {
    limits bounds;
    bounds.memory_bytes = 1000;
    idle_service service{bounds};
    memory_share others{service.of.memory()};
    others.resize(400);
    program_memory of_program{service.of};
    CHECK(of_program.hold(600));
    CHECK_FALSE(of_program.hold(1));
    CHECK(service.of.memory().held() == 1001);  // it is there already: the program has to end
    others.resize(0);
    CHECK(of_program.hold(1));  // others gave it back
}

TEST_CASE("program_memory: its end gives back all that it held, once", "[server]") {
    idle_service service;
    memory_share others{service.of.memory()};
    others.resize(7);
    {
        program_memory of_program{service.of};
        CHECK(of_program.hold(30));
        CHECK(of_program.hold(20));
        of_program.release();
        CHECK(service.of.memory().held() == 7);
        CHECK(of_program.hold(5));  // a thread that was left behind
    }
    CHECK(service.of.memory().held() == 7);
    CHECK(service.of.memory().most() == 57);
}

TEST_CASE("service: it is full beyond limits.memory_bytes, not at it", "[server]") {
    limits bounds;
    bounds.memory_bytes = 1000;
    idle_service service{bounds};
    memory_share held{service.of.memory()};
    held.resize(990);
    CHECK_FALSE(service.of.is_full(10));
    CHECK(service.of.is_full(11));
    held.resize(1000);
    CHECK_FALSE(service.of.is_full());
    held.resize(1001);
    CHECK(service.of.is_full());
    bounds.memory_bytes = 1001;
    service.of.change_limits(bounds);
    CHECK_FALSE(service.of.is_full());
}

}  // namespace gatherd::api::server
