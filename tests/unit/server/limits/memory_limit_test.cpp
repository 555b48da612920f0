#include "gatherd/api/memory_limit.hpp"

#include <semaphore.h>
#include <catch2/catch.hpp>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>

#include <nlohmann/json.hpp>

#include "allocated_elsewhere.hpp"
#include "api/plan/model/plan.hpp"
#include "api/protocol/json_writer.hpp"
#include "api/server/limits/limit_errors.hpp"
#include "gatherd/api/value.hpp"

namespace gatherd::api {
namespace {

using executor::memory_account, executor::memory_group, executor::memory_turn, server::tests::allocated_elsewhere;

constexpr std::size_t most = 8'000'000;

struct limited {
    limited() { memory_limit::set(most); }
    ~limited() { memory_limit::set(~std::size_t{0} / 2); }
};

}  // namespace

TEST_CASE("memory_limit: at the limit client data cannot be made, and its party is denied", "[server]") {
    const limited limit;
    const value array = value::array({1, 2, 3});
    const value object = {{"a", "b"}};
    memory_account account;
    const memory_turn turn{&account};
    const allocated_elsewhere others{most};
    CHECK_THROWS_AS(value(array), memory_limit_exceeded);
    CHECK_THROWS_AS(value(object), memory_limit_exceeded);
    CHECK_THROWS_AS(value("text"), memory_limit_exceeded);
    plan::arena arena;
    CHECK_THROWS_AS(arena.allocate(10'000), memory_limit_exceeded);
    std::string text;
    CHECK_THROWS_AS(protocol::append_value(text, array), memory_limit_exceeded);
    CHECK(account.is_denied());
}

TEST_CASE("no_memory_for: a request may be tried again where something else holds the memory, and only there",
          "[server]") {
    const limited limit;
    const allocated_elsewhere all{most};
    const error others = server::no_memory_for(0);
    CHECK(others.code == errc::overloaded);
    CHECK((*others.data)["retry_after"].is_number());
    CHECK(server::no_memory_for(most).code == errc::limit_exceeded);
}

TEST_CASE("memory_limit: whoever works for nobody is never refused", "[server]") {
    const limited limit;
    const allocated_elsewhere others{2 * most};
    const value array = value::array({1, 2, 3});
    CHECK(value(array) == array);
    memory_account account;
    const memory_turn turn{&account};
    {
        const memory_turn nobodys{nullptr};
        CHECK(value(array) == array);
    }
    CHECK_FALSE(account.is_denied());
    CHECK_THROWS_AS(value(array), memory_limit_exceeded);
}

TEST_CASE("memory_limit: what has only begun is refused at seven eighths already", "[server]") {
    const limited limit;
    const value array = value::array({1, 2, 3});
    const allocated_elsewhere others{most - most / 8};
    {
        memory_account late;
        const memory_turn turn{&late};
        CHECK(value(array) == array);
    }
    memory_account early{memory_account::kind::early};
    const memory_turn turn{&early};
    CHECK_THROWS_AS(value(array), memory_limit_exceeded);
}

TEST_CASE("memory_account: it has what was allocated in its turns, less what was freed there", "[server]") {
    memory_account one;
    memory_account other;
    {
        const memory_turn turn{&one};
        executor::allocated_memory::add(1000);
        {
            const memory_turn inner{&other};
            executor::allocated_memory::add(50);
        }
        executor::allocated_memory::add(-300);
    }
    executor::allocated_memory::add(-750);
    CHECK(one.bytes() == 700);
    CHECK(other.bytes() == 50);
}

TEST_CASE("memory_account: its group has it, but for an eighth and 1 KiB, as long as it is part of it", "[server]") {
    const auto group = std::make_shared<memory_group>();
    const auto other = std::make_shared<memory_group>();
    group->add(100);
    {
        memory_account account;
        account.add(8'000);
        account.join(group);
        CHECK(group->bytes() == 8'100);
        account.add(1'500);
        CHECK(group->bytes() == 8'100);
        account.add(600);
        CHECK(group->bytes() == 10'200);
        account.add(-10'100);
        CHECK(group->bytes() == 100);
        account.add(-10'000);  // what others had allocated takes nothing from the group
        CHECK(group->bytes() == 100);
        account.add(110'000);
        CHECK(group->bytes() == 100'100);
        account.join(other);
        CHECK(group->bytes() == 100);
        CHECK(other->bytes() == 100'000);
    }
    CHECK(other->bytes() == 0);
}

TEST_CASE("memory_group: above the mark of all groups the bell is posted", "[server]") {
    sem_t bell;
    sem_init(&bell, 0, 0);
    memory_group::set_mark(1'000'000);
    executor::allocated_memory::arm_alarm(~std::size_t{0}, &bell);
    while (sem_trywait(&bell) == 0) {
        executor::allocated_memory::arm_alarm(~std::size_t{0}, &bell);  // it was owed from before
    }
    memory_group group;
    group.add(1'000'000);
    CHECK(sem_trywait(&bell) != 0);
    group.add(1);
    CHECK(sem_trywait(&bell) == 0);
    group.add(-1);
    executor::allocated_memory::arm_alarm(0, nullptr);
    memory_group::set_mark(~std::size_t{0});
    sem_destroy(&bell);
}

TEST_CASE("allocated_memory: the exact total has every byte", "[server]") {
    const std::size_t before = executor::allocated_memory::exact_bytes();
    executor::allocated_memory::add(12'345);
    CHECK(executor::allocated_memory::exact_bytes() == before + 12'345);
    executor::allocated_memory::add(-12'345);
    CHECK(executor::allocated_memory::exact_bytes() == before);
}

TEST_CASE("memory_limit: what is set aside may not be allocated, but half of the limit always may", "[server]") {
    const limited limit;
    memory_account account;
    const memory_turn turn{&account};
    const allocated_elsewhere others{most / 2};
    CHECK_FALSE(memory_limit::is_reached(most / 4));
    memory_limit::set_aside(most / 3);
    CHECK(memory_limit::is_reached(most / 4));
    CHECK_FALSE(memory_limit::is_reached(most / 8));
    CHECK(memory_limit::most() == most);
    memory_limit::set_aside(10 * most);
    CHECK(memory_limit::is_reached(most / 100));
    CHECK_FALSE(memory_limit::is_reached());
    memory_limit::set_aside(0);
    CHECK_FALSE(memory_limit::is_reached(most / 4));
}

TEST_CASE("memory_owner: what another thread frees is taken from the account, unless it is another party's by then",
          "[server]") {
    constexpr std::ptrdiff_t taken = 100'000;
    constexpr std::ptrdiff_t freed = 60'000;
    std::optional<executor::lasting_account> account{std::in_place};
    executor::memory_owner owner;
    {
        const memory_turn turn{&**account};
        executor::allocated_memory::add(taken);
        owner = {};
    }
    const auto free_elsewhere = [&owner] {
        std::thread{[&owner] { owner.charge([] { executor::allocated_memory::add(-freed); }); }}.join();
    };
    free_elsewhere();
    CHECK((**account).bytes() == taken - freed);
    memory_account* const same = &**account;
    account.emplace();  // the account of a new party
    REQUIRE(&**account == same);
    (**account).add(freed);
    free_elsewhere();
    CHECK((**account).bytes() == freed);
    executor::allocated_memory::add(2 * freed - taken);
}

}  // namespace gatherd::api
