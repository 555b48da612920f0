#include "api/server/limits/memory_ledger.hpp"

#include <catch2/catch.hpp>

namespace gatherd::api::server {

TEST_CASE("memory_ledger: it remembers the most that was held", "[server]") {
    memory_ledger ledger;
    ledger.add(10);
    ledger.subtract(7);
    ledger.add(4);
    CHECK(ledger.held() == 7);
    CHECK(ledger.most() == 10);
}

TEST_CASE("memory_share: what it entered goes with it, wherever it was moved", "[server]") {
    memory_ledger ledger;
    {
        memory_share first{ledger};
        first.resize(100);
        first.resize(60);
        CHECK(ledger.held() == 60);
        memory_share second{std::move(first)};
        CHECK(ledger.held() == 60);
        memory_share third{ledger};
        third.resize(5);
        third = std::move(second);  // its own five are given back
        CHECK(third.bytes() == 60);
        CHECK(ledger.held() == 60);
    }
    CHECK(ledger.held() == 0);
}

}  // namespace gatherd::api::server
