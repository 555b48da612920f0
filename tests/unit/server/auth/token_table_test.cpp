#include "api/server/auth/token_table.hpp"

#include <catch2/catch.hpp>

#include "api/plan/model/function.hpp"
#include "idle_service.hpp"

namespace gatherd::api::server {

using tests::grant;

TEST_CASE("token_table: only the whole token finds its holder", "[server]") {
    token_table table;
    CHECK(table.empty());
    table.replace({grant("ci", "the token of ci"), grant("ops", "another")});
    CHECK_FALSE(table.empty());
    REQUIRE(table.find("another") != nullptr);
    CHECK(table.find("another")->name() == "ops");
    for (const char* wrong : {"", "the token of c", "the token of ci ", "The token of ci"}) {
        CHECK(table.find(wrong) == nullptr);
    }
}

TEST_CASE("token_table: a token that stays keeps its holder, who gets its new rights", "[server]") {
    token_table table;
    table.replace({grant("ci", "secret")});
    const auto before = table.find("secret");
    token_grant less = grant("ci", "secret");
    less.granted = static_cast<rights>(right::submit);
    less.most_tasks = 7;
    table.replace({less});
    CHECK(table.find("secret") == before);
    CHECK(before->may(right::submit));
    CHECK_FALSE(before->may(right::see_all));
    CHECK(before->most_tasks() == 7);
    CHECK_FALSE(before->is_revoked());
}

TEST_CASE("token_table: what a holder may call can change while somebody reads it", "[server]") {
    plan::function noop;
    noop.name = "noop";
    token_table table;
    token_grant some = grant("ci", "secret");
    some.functions = {{"n*"}};
    table.replace({some});
    const auto holder = table.find("secret");
    const function_rights* const before = holder->functions();
    REQUIRE(before != nullptr);
    CHECK(before->allows(noop));
    table.replace({some});
    CHECK(holder->functions() == before);  // equal: nothing is kept twice
    some.functions = {{"sleep"}};
    some.serve = {{"other.*"}};
    table.replace({some});
    CHECK(before->allows(noop));  // who took it goes on under what it began with
    CHECK_FALSE(holder->functions()->allows(noop));
    CHECK(holder->may_serve("other.one"));
    CHECK_FALSE(holder->may_serve("one"));
}

TEST_CASE("token_table: holders of tokens that go are revoked, those of a new token are others", "[server]") {
    token_table table;
    table.replace({grant("ci", "old"), grant("ops", "kept")});
    const auto gone = table.find("old");
    const auto kept = table.find("kept");
    table.replace({grant("ci", "new"), grant("ops", "kept")});
    CHECK(gone->is_revoked());
    CHECK_FALSE(kept->is_revoked());
    CHECK(table.find("old") == nullptr);
    CHECK(table.find("new") != gone);
}

}  // namespace gatherd::api::server
