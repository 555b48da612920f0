#include "api/memory_limit.hpp"

#include <catch2/catch.hpp>
#include <string>

#include <nlohmann/json.hpp>

#include "allocated_elsewhere.hpp"
#include "api/plan/model/plan.hpp"
#include "api/protocol/json_writer.hpp"
#include "api/value.hpp"

namespace gatherd::api {
namespace {

using executor::memory_account, executor::memory_turn, server::tests::allocated_elsewhere;

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

TEST_CASE("allocated_memory: the exact total has every byte", "[server]") {
    const std::size_t before = executor::allocated_memory::exact_bytes();
    executor::allocated_memory::add(12'345);
    CHECK(executor::allocated_memory::exact_bytes() == before + 12'345);
    executor::allocated_memory::add(-12'345);
    CHECK(executor::allocated_memory::exact_bytes() == before);
}

}  // namespace gatherd::api
