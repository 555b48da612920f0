#include "api/server/net/reply.hpp"

#include <catch2/catch.hpp>
#include <memory>
#include <string>
#include <utility>

#include <nlohmann/json.hpp>

#include "allocated_elsewhere.hpp"
#include "connected_client.hpp"

namespace gatherd::api::server {
namespace {

using tests::allocated_elsewhere, tests::connected_client;

/// The reply that is owed for a request of that id; none: a notification.
reply owed(const connected_client& client, const char* id, const std::shared_ptr<batch>& part_of = nullptr) {
    return {client.ours(), id == nullptr ? protocol::request_id{} : protocol::request_id{id}, part_of};
}

std::string answer(const char* id, const char* result) {
    return R"({"jsonrpc":"2.0","id":)" + std::string{id} + R"(,"result":)" + result + "}";
}

const error a_fault{errc::task_failed, "why"};
const std::string text_of_fault = R"("error":{"code":-32000,"message":"why"})";

}  // namespace

TEST_CASE("reply: a request by itself is answered at once, with its own id", "[server]") {
    connected_client client;
    owed(client, "\"a\"").result(value(1));
    CHECK(client.read() == answer("\"a\"", "1") + "\n");
    owed(client, "2.0").result_message(answer("2.0", "[2]"));
    CHECK(client.read() == answer("2.0", "[2]") + "\n");
    owed(client, "3").result_message(answer("3", "null"));
    CHECK(client.read() == answer("3", "null") + "\n");
    owed(client, "null").error(a_fault);
    CHECK(client.read() == R"({"jsonrpc":"2.0","id":null,)" + text_of_fault + "}\n");
}

TEST_CASE("reply: a notification is never answered, but its error is counted", "[server]") {
    connected_client client;
    owed(client, nullptr).result(value(1));
    owed(client, nullptr).result_message(answer("1", "1"));
    owed(client, nullptr).error(a_fault);
    CHECK(client.read().empty());
    CHECK(client.of().state().counts().errors()["-32000"] == 1);
    CHECK_FALSE(client.ours()->work().is_owed());
}

TEST_CASE("reply: the connection owes the answer until it is given", "[server]") {
    connected_client client;
    auto first = owed(client, "1");
    {
        reply second = owed(client, "2");
        CHECK(client.ours()->work().is_owed());
        reply moved{std::move(second)};  // the same answer
        moved.result(value(nullptr));
    }
    CHECK(client.ours()->work().is_owed());
    first.error(a_fault);
    CHECK_FALSE(client.ours()->work().is_owed());
}

TEST_CASE("reply: what must come after the answer is called when the answer is on its way", "[server]") {
    connected_client client;
    for (const char* id : {"1", static_cast<const char*>(nullptr)}) {
        bool is_called = false;
        owed(client, id).result(value(1), [&] {
            is_called = true;
            client.ours()->send("after");
        });
        CHECK(is_called);
        CHECK(client.read() == (id == nullptr ? "after\n" : answer("1", "1") + "\nafter\n"));
    }
}

TEST_CASE("batch: it is answered once, when its last request is, in the order of the answers", "[server]") {
    connected_client client;
    const auto all = std::make_shared<batch>(client.ours(), 4);
    auto first = owed(client, "1", all);
    auto second = owed(client, "2", all);
    auto third = owed(client, "3", all);
    auto fourth = owed(client, "4", all);
    second.result(value("b"));
    CHECK(client.read().empty());
    fourth.error(a_fault);
    third.result_message(answer("3", "true"));
    CHECK(client.read().empty());
    CHECK(client.ours()->work().is_owed());
    first.result_message(answer("1", "1"));
    CHECK(client.read() == "[" + answer("2", "\"b\"") + R"(,{"jsonrpc":"2.0","id":4,)" + text_of_fault + "}," +
                               answer("3", "true") + "," + answer("1", "1") + "]\n");
    CHECK_FALSE(client.ours()->work().is_owed());
}

TEST_CASE("batch: a notification has no answer in it, yet is waited for", "[server]") {
    connected_client client;
    const auto all = std::make_shared<batch>(client.ours(), 3);
    auto notification = owed(client, nullptr, all);
    owed(client, "1", all).result(value(1));
    owed(client, nullptr, all).error(a_fault);
    CHECK(client.read().empty());
    notification.result_message(answer("7", "7"));
    CHECK(client.read() == "[" + answer("1", "1") + "]\n");
}

TEST_CASE("batch: of notifications alone nothing is sent", "[server]") {
    connected_client client;
    const auto all = std::make_shared<batch>(client.ours(), 2);
    bool is_called = false;
    owed(client, nullptr, all).result(value(1), [&] { is_called = true; });
    CHECK_FALSE(is_called);
    owed(client, nullptr, all).result_message(answer("2", "2"));
    CHECK(is_called);
    CHECK(client.read().empty());
}

TEST_CASE("batch: what must come after an answer comes after the whole array", "[server]") {
    connected_client client;
    const auto all = std::make_shared<batch>(client.ours(), 2);
    owed(client, "1", all).result(value(1), [&] { client.ours()->send("after"); });
    CHECK(client.read().empty());
    owed(client, "2", all).result(value(2));
    CHECK(client.read() == "[" + answer("1", "1") + "," + answer("2", "2") + "]\nafter\n");
}

TEST_CASE("batch: above the high-water mark of memory it ends, and is answered by one error", "[server]") {
    limits bounds;
    bounds.memory_bytes = 8'000'000;
    connected_client client{bounds};
    const auto all = std::make_shared<batch>(client.ours(), 3);
    const std::string large = '"' + std::string(10'000, 'x') + '"';
    owed(client, "1", all).result_message(answer("1", large.c_str()));
    CHECK_FALSE(all->has_ended());
    {
        const allocated_elsewhere others{7'500'000};
        owed(client, "2", all).result_message(answer("2", large.c_str()));
        CHECK(all->has_ended());
    }
    owed(client, "3", all).result_message(answer("3", "3"));
    CHECK(
        client.read() ==
        R"({"jsonrpc":"2.0","id":null,"error":{"code":-32006,"message":"Over a limit: limits.memory_bytes is 8000000",)"
        R"("data":{"limit":"limits.memory_bytes","max":8000000}}})"
        "\n");
}

TEST_CASE("reply: at the limit of memory a large result is an error, and a small one is still sent", "[server]") {
    limits bounds;
    bounds.memory_bytes = 8'000'000;
    connected_client client{bounds};
    const allocated_elsewhere others{8'000'000};
    owed(client, "1").result(value(std::string(10'000, 'x')));
    CHECK(client.read().find("-32006") != std::string::npos);
    owed(client, "2").result(value("pong"));
    CHECK(client.read() == answer("2", R"("pong")") + "\n");
}

TEST_CASE("reply: dropped without an answer, it says that there was no memory", "[server]") {
    connected_client client;
    static_cast<void>(owed(client, "1"));
    CHECK(client.read().find(R"("id":1,"error":{"code":-32006)") != std::string::npos);
}

TEST_CASE("reply: dropped when the client has gone, it was cancelled, and met no limit", "[server]") {
    connected_client client;
    reply unanswered = owed(client, "1");
    client.ours()->hang_up();
    client.turn();
    REQUIRE(client.ours()->work().has_ended());
    { const reply dropped{std::move(unanswered)}; }
    const counters& counts = client.of().state().counts();
    CHECK(counts.errors()["-32002"] == 1);
    CHECK(counts.errors()["-32006"] == 0);
    CHECK(counts.limits_met()["limits.memory_bytes"] == 0);
    CHECK_FALSE(client.ours()->work().is_owed());
}

}  // namespace gatherd::api::server
