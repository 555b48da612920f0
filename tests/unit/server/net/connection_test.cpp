#include "api/server/net/connection.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cstddef>
#include <latch>
#include <string>

#include <nlohmann/json.hpp>

#include "allocated_elsewhere.hpp"
#include "api/protocol/message_limits.hpp"
#include "api/server/methods/methods.hpp"
#include "api/server/net/turn.hpp"
#include "connected_client.hpp"

namespace gatherd::api::server {
namespace {

using tests::allocated_elsewhere, tests::connected_client;

const std::string ping = R"({"jsonrpc":"2.0","id":1,"method":"ping"})";
const std::string pong = R"({"jsonrpc":"2.0","id":1,"result":"pong"})"
                         "\n";

/// A ping that is so many bytes long.
std::string ping_of(std::size_t bytes) {
    const std::string head = R"({"id":1,"method":"ping","ignored":")";
    return head + std::string(bytes - head.size() - 2, 'x') + "\"}";
}

/// Three tasks: a gather and its two values.
const std::string three_tasks = R"({"id":1,"method":"run","params":{"task":{"gather":[{"value":1},{"value":2}]}}})"
                                "\n";
const std::string three_that_wait =
    R"({"id":1,"method":"run","params":{"task":{"gather":[{"call":"sleep","args":[0,1]},{"value":2}]}}})"
    "\n";
const std::string their_result = R"({"jsonrpc":"2.0","id":1,"result":[1,2]})"
                                 "\n";

std::string refused(const std::string& limit, int most) {
    return R"({"jsonrpc":"2.0","id":1,"error":{"code":-32003,"message":"Overloaded: limits.)" + limit + " is " +
           std::to_string(most) + R"(; nothing was run","data":{"retry_after":1.0}}})" + "\n";
}

limits with(std::size_t limits::*which, std::size_t most) {
    limits bounds;
    bounds.*which = most;
    return bounds;
}

/// How often that limit was met.
int met(connected_client& client, const std::string& limit) {
    return client.of().state().counts().limits_met().at("limits." + limit).get<int>();
}

/// Three tasks are let in where so many others leave room for just them, refused where there is one more, and let in
/// again when that one has gone. Whatever came of it, only the others are left.
void check_admission(connected_client& client, std::atomic<std::size_t>& in_flight, const std::string& limit,
                     int most) {
    in_flight = static_cast<std::size_t>(most) - 3;
    client.send(three_tasks);
    CHECK(client.read() == their_result);
    CHECK(in_flight == static_cast<std::size_t>(most) - 3);
    ++in_flight;
    client.send(three_tasks);
    CHECK(client.read() == refused(limit, most));
    CHECK(met(client, limit) == 1);
    CHECK(in_flight == static_cast<std::size_t>(most) - 2);
    --in_flight;
    client.send(three_tasks);
    CHECK(client.read() == their_result);
    CHECK(client.of().state().counts().get(event::tasks_started) == 6);
    CHECK(client.of().state().counts().get(event::tasks_done) == 6);
}

}  // namespace

TEST_CASE("admission: beyond limits.tasks_in_flight a plan is refused whole, and takes nothing", "[server]") {
    connected_client client{with(&limits::tasks_in_flight, 10)};
    check_admission(client, *client.of().state().tasks_in_flight(), "tasks_in_flight", 10);
    CHECK(*client.ours()->work().tasks_in_flight() == 0);
}

TEST_CASE("admission: beyond limits.connection_tasks_in_flight as well", "[server]") {
    connected_client client{with(&limits::connection_tasks_in_flight, 10)};
    check_admission(client, *client.ours()->work().tasks_in_flight(), "connection_tasks_in_flight", 10);
    CHECK(*client.of().state().tasks_in_flight() == 0);
}

TEST_CASE("admission: beyond limits.token_tasks_in_flight as well, or what the token has instead", "[server]") {
    connected_client client{with(&limits::token_tasks_in_flight, 10)};
    auto grant = tests::grant("ci", "secret");
    grant.most_tasks = GENERATE(std::size_t{0}, std::size_t{20});
    client.of().change_tokens({grant});
    REQUIRE(client.ours()->show_token("secret"));
    check_admission(client, *client.ours()->who()->tasks_in_flight(), "token_tasks_in_flight",
                    grant.most_tasks == 0 ? 10 : 20);
}

TEST_CASE("admission: anybody, where no tokens are asked for, is no token", "[server]") {
    connected_client client{with(&limits::token_tasks_in_flight, 1)};
    client.send(three_tasks);
    CHECK(client.read() == their_result);
}

TEST_CASE("admission: above the high-water mark nothing is begun that needs memory, and below it is again",
          "[server]") {
    constexpr int most = 8'000'000;
    connected_client client{with(&limits::memory_bytes, most)};
    {
        const allocated_elsewhere others{6'500'000};
        client.send(three_that_wait);
        CHECK(client.read_line() == their_result);
    }
    {
        const allocated_elsewhere others{7'100'000};
        client.send(three_that_wait);
        CHECK(client.read() == refused("memory_bytes", most));
        CHECK(met(client, "memory_bytes") == 1);
    }
    {
        const allocated_elsewhere others{std::size_t{2} * most};
        for (const std::string method : {"ping", "stats", "info"}) {  // who looks why sees it
            client.send(R"({"id":1,"method":")" + method + "\"}\n");
            CHECK(nlohmann::json::parse(client.read_line()).contains("result"));
        }
        client.send(R"({"id":1,"method":"cancel","params":{"request":"none"}})"
                    "\n");
        CHECK(client.read() == R"({"jsonrpc":"2.0","id":1,"result":{"cancelled":0}})"
                               "\n");
        for (const std::string method : {"status", "forget"}) {
            client.send(R"({"id":1,"method":")" + method + R"(","params":{"id":"none"}})" + "\n");
            CHECK(nlohmann::json::parse(client.read_line())["error"]["code"] == -32007);
        }
    }
    client.send(three_that_wait);
    CHECK(client.read_line() == their_result);
}

TEST_CASE("as_completed: ends where there is no memory to tell of an end, and names the limit", "[server]") {
    constexpr std::size_t most = 8'000'000;
    connected_client client{with(&limits::memory_bytes, most)};
    client.send(R"({"id":1,"method":"create_task","params":{"task":{"value":"x"}}})"
                "\n");
    const auto id = nlohmann::json::parse(client.read_line())["result"]["id"].get<std::string>();
    client.send(R"({"id":1,"method":"await","params":{"id":")" + id + "\"}}\n");
    CHECK(client.read_line() == R"({"jsonrpc":"2.0","id":1,"result":"x"})"
                                "\n");
    const std::string its_end = R"({"id":2,"method":"as_completed","params":{"ids":[")" + id + "\"]}}\n";
    {
        const allocated_elsewhere others{2 * most};
        client.send(its_end);
        const auto error = nlohmann::json::parse(client.read_line())["error"];
        CHECK(error["code"] == -32006);
        CHECK(error["data"]["limit"] == "limits.memory_bytes");
    }
    client.send(its_end);
    CHECK(client.read_line() == R"({"jsonrpc":"2.0","method":"completed","params":{"request":2,"id":")" + id +
                                    R"(","value":"x"}})"
                                    "\n"
                                    R"({"jsonrpc":"2.0","id":2,"result":{"completed":1,"failed":0}})"
                                    "\n");
}

TEST_CASE("admission: who holds more than his share begins nothing that needs memory, from the byte on", "[server]") {
    constexpr int most = 4'000'000;
    connected_client client{with(&limits::client_memory_bytes, most)};
    const allocated_elsewhere others{std::size_t{2} * most};
    client_share& share = *client.ours()->work().share();
    share.add(most);
    client.send(three_that_wait);
    CHECK(client.read_line() == their_result);
    share.add(1);
    client.send(three_that_wait);
    CHECK(client.read() == refused("client_memory_bytes", most));
    CHECK(met(client, "client_memory_bytes") == 1);
    share.add(-1);
    client.send(three_tasks);
    CHECK(client.read() == their_result);
}

TEST_CASE("connection: its half-read message and its waiting requests are part of its client's share", "[server]") {
    constexpr std::size_t much = 100'000;
    connected_client client;
    client.send(R"({"id":"a","method":"create_task","params":{"task":{"call":"sleep","args":[3600]}}})"
                "\n");
    const auto id = nlohmann::json::parse(client.read_line())["result"]["id"].get<std::string>();
    client_share& share = *client.ours()->work().share();
    const std::size_t before = share.bytes();
    client.send(R"({"id":2,"method":"await","params":{"id":")" + id + "\"}}\n");
    const std::size_t waiting = share.bytes();
    CHECK(waiting >= before + 1000);
    client.send(R"({"ignored":")" + std::string(much, 'x'));
    CHECK(share.bytes() >= waiting + much);
    client.send("\",\"id\":3,\"method\":\"ping\"}\n");
    CHECK(client.read_line().ends_with("\"pong\"}\n"));
    client.turn();
    CHECK(share.bytes() <= waiting + 1024);
    client.send(R"({"id":4,"method":"cancel","params":{"id":")" + id + "\"}}\n");
    while (client.ours()->work().owed() > 0) {
        client.turn();
    }
    CHECK(client.ours()->work().held_bytes() <= 1024);
}

TEST_CASE("admission: what is answered on the spot needs memory too", "[server]") {
    constexpr int most = 8'000'000;
    connected_client client{with(&limits::memory_bytes, most)};
    {
        const allocated_elsewhere others{7'900'000};
        client.send(three_tasks);
        CHECK(client.read() == refused("memory_bytes", most));
    }
    client.send(three_tasks);
    CHECK(client.read() == their_result);
}

TEST_CASE("connection: a huge message that has no room beside what others hold may be tried again", "[server]") {
    constexpr int most = 8'000'000;
    connected_client client{with(&limits::memory_bytes, most)};
    {
        const allocated_elsewhere others{6'500'000};
        client.send(ping_of(4 * protocol::huge_message_bytes) + "\n");
        const std::string told = client.read_line();
        INFO(told);
        CHECK(told.find("-32003") != told.npos);
        CHECK(told.find("retry_after") != told.npos);
    }
    client.send(ping_of(4 * protocol::huge_message_bytes) + "\n");
    CHECK(client.read_line() == pong);
}

TEST_CASE("connection: a message of 128 KiB is huge, and handled on the bulk lane", "[server]") {
    std::latch is_over{1};
    connected_client client;
    client.of().state().bulk().submit(nullptr, [&is_over] { is_over.wait(); });  // its only thread is busy
    client.send(ping_of(protocol::huge_message_bytes - 1) + "\n");
    CHECK(client.read() == pong);
    client.send(ping_of(protocol::huge_message_bytes) + "\n");
    CHECK(client.read().empty());
    client.send(ping + "\n");
    CHECK(client.read().empty());  // in order: nothing more is read until then
    is_over.count_down();
    std::string got = client.read_line();
    while (got.size() < 2 * pong.size()) {
        got += client.read_line();
    }
    CHECK(got == pong + pong);
}

TEST_CASE("connection: a batch of many requests goes to the bulk lane, however short it is", "[server]") {
    connected_client client;
    std::string batch;
    for (std::size_t i = 0; i <= items_a_turn; ++i) {
        batch += (batch.empty() ? "[" : ",") + ping;
    }
    std::latch is_over{1};
    client.of().state().bulk().submit(nullptr, [&is_over] { is_over.wait(); });
    client.send(batch + "]\n");
    CHECK(client.read().empty());
    is_over.count_down();
    CHECK(value::parse(client.read_line()).size() == items_a_turn + 1);
}

TEST_CASE("connection: a turn ends when its answers are long, however short the requests are", "[server]") {
    constexpr int requests = 400;
    connected_client client;
    std::string all;
    for (int i = 0; i < requests; ++i) {
        all += "{\"id\":1,\"method\":\"functions\"}\n";
    }
    client.write(all);
    std::size_t longest_answer = 0;
    std::size_t most_a_turn = 0;
    std::string got;
    while (std::count(got.begin(), got.end(), '\n') < requests) {
        REQUIRE(client.step());
        const std::string more = client.take();
        longest_answer = std::max(longest_answer, more.find('\n') + 1);
        most_a_turn = std::max(most_a_turn, more.size());
        got += more;
    }
    CHECK(got.size() > 10 * bytes_answered_a_turn);
    CHECK(most_a_turn <= bytes_answered_a_turn + longest_answer);
}

TEST_CASE("connection: a token that is revoked while a huge message is handled takes its connection along",
          "[server]") {
    std::latch is_over{1};
    connected_client client;
    client.of().change_tokens({tests::grant("ci", "secret")});
    REQUIRE(client.ours()->show_token("secret"));
    client.of().state().bulk().submit(nullptr, [&is_over] { is_over.wait(); });
    client.send(ping_of(protocol::huge_message_bytes) + "\n");
    client.of().change_tokens({tests::grant("other", "another")});
    client.ours()->look_at_identity();
    client.turn();
    is_over.count_down();
    CHECK(client.read_to_end().find("\"error\"") == std::string::npos);
    CHECK_FALSE(client.ours()->work().add_task(nullptr));  // it has closed
}

TEST_CASE("connection: a huge message of a client that has gone is not decoded", "[server]") {
    std::latch is_over{1};
    connected_client client;
    auto& state = client.of().state();
    const auto names = method_names();
    const auto ping_index = static_cast<std::size_t>(std::ranges::find(names, "ping") - names.begin());
    state.bulk().submit(nullptr, [&is_over] { is_over.wait(); });
    client.send(ping_of(protocol::huge_message_bytes) + "\n");
    const bool has_gone = GENERATE(true, false);
    if (has_gone) {
        CHECK_FALSE(client.ours()->work().end_some(1));  // as the end of the connection does
    }
    is_over.count_down();
    state.bulk().finish();
    CHECK(state.counts().of_method(ping_index) == (has_gone ? 0 : 1));
}

TEST_CASE("connection: of a huge message that is not JSON the bulk lane finds out, and the next one is answered",
          "[server]") {
    connected_client client;
    const std::string filling(protocol::huge_message_bytes, 'x');
    client.send("{\"id\":1,\"method\":ping,\"a\":\"" + filling + "\"}\n" + ping + "\n");
    std::string got = client.read_line();
    CHECK(got.find("invalid literal") != got.npos);
    while (got.find(pong) == got.npos) {
        got += client.read_line();
    }
}

}  // namespace gatherd::api::server
