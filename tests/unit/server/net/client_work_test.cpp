#include "api/server/net/client_work.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "api/protocol/request_id.hpp"

namespace gatherd::api::server {
namespace {

/// Notes what it was cancelled with; once, as a request ends once.
struct noted_request final : pending_request {
    explicit noted_request(const char* id) : id_{id} {}
    [[nodiscard]] const protocol::request_id& id() const noexcept override {
        ++asked;
        return id_;
    }
    bool cancel(const std::string& message) override {
        cancelled_with.push_back(message);
        return cancelled_with.size() == 1;
    }

    protocol::request_id id_;
    mutable int asked = 0;  // how often for its id
    std::vector<std::string> cancelled_with;
};

}  // namespace

TEST_CASE("client_work: all programs of a client share its places on the blocking pool", "[server]") {
    client_work work;
    const auto places = work.share()->blocking_places(2);
    CHECK(places->value() == 2);
    CHECK(work.share()->blocking_places(2) == places);
    client_work other;
    CHECK(other.share()->blocking_places(2) != places);
}

TEST_CASE("client_work: what it holds is part of its share, and goes with it to that of a token", "[server]") {
    const auto of_token = std::make_shared<client_share>();
    {
        client_work work;
        work.add_memory(1'000'000);
        const auto own = work.share();
        CHECK(own->bytes() == 1'000'000);
        work.set_share(of_token);
        CHECK(own->bytes() == 0);
        client_work other;
        other.set_share(of_token);
        other.add_memory(500'000);
        CHECK(of_token->bytes() == 1'500'000);
        other.add_memory(-500'000);
        CHECK(of_token->bytes() == 1'000'000);
        CHECK(other.held_bytes() == 0);
    }
    CHECK(of_token->bytes() == 0);
}

TEST_CASE("client_work: the last answer that is owed says so", "[server]") {
    client_work work;
    CHECK_FALSE(work.is_owed());
    work.owe();
    work.owe();
    CHECK_FALSE(work.settle());
    CHECK(work.is_owed());
    CHECK(work.settle());
    CHECK_FALSE(work.is_owed());
}

TEST_CASE("client_work: a cancel reaches every request of that id that still runs, and no other", "[server]") {
    client_work work;
    const auto first = std::make_shared<noted_request>("1");
    const auto twin = std::make_shared<noted_request>("1");
    const auto text = std::make_shared<noted_request>("\"1\"");
    const auto gone = std::make_shared<noted_request>("1");
    for (const auto& each : {first, twin, text, gone}) {
        REQUIRE(work.add_request(each));
    }
    work.remove_request(gone);
    auto found = work.requests(protocol::request_id{"1"});
    std::sort(found.begin(), found.end());
    std::vector<std::shared_ptr<pending_request>> expected{first, twin};
    std::sort(expected.begin(), expected.end());
    CHECK(found == expected);
    CHECK(work.requests(protocol::request_id{"\"1\""}) == std::vector<std::shared_ptr<pending_request>>{text});
    CHECK(work.requests(protocol::request_id{"2"}).empty());
    REQUIRE(work.add_request(std::make_shared<noted_request>("")));  // a notification
    CHECK(work.requests(protocol::request_id{}).empty());
}

TEST_CASE("client_work: to find one among very many, none of them is looked at", "[server]") {
    constexpr int many = 20'000;
    client_work work;
    std::vector<std::shared_ptr<noted_request>> all;
    for (int i = 0; i < many; ++i) {
        all.push_back(
            std::make_shared<noted_request>(("\"" + std::string(1000, 'x') + std::to_string(i) + "\"").c_str()));
        REQUIRE(work.add_request(all.back()));
    }
    for (int i = 0; i < many; i += 1000) {
        CHECK(work.requests(protocol::request_id{"\"" + std::string(1000, 'x') + std::to_string(i) + "\""}) ==
              std::vector<std::shared_ptr<pending_request>>{all[static_cast<std::size_t>(i)]});
    }
    work.remove_request(all.front());
    CHECK(std::all_of(all.begin() + 1, all.end(), [](const auto& each) { return each->asked == 1; }));  // when added
}

TEST_CASE("client_work: what was deferred runs in order, so much at a time", "[server]") {
    client_work work;
    std::vector<int> ran;
    CHECK(work.defer([&ran] { ran.push_back(0); }));
    for (int i = 1; i < 5; ++i) {
        CHECK_FALSE(work.defer([&ran, i] { ran.push_back(i); }));
    }
    CHECK(work.run_deferred(3));
    CHECK(ran == std::vector<int>{0, 1, 2});
    CHECK_FALSE(work.run_deferred(3));
    CHECK(ran == std::vector<int>{0, 1, 2, 3, 4});
}

TEST_CASE("client_work: its end cancels all requests", "[server]") {
    client_work work;
    const auto request = std::make_shared<noted_request>("null");
    REQUIRE(work.add_request(request));
    CHECK_FALSE(work.end_some(1));
    CHECK(request->cancelled_with == std::vector<std::string>{""});
    CHECK_FALSE(work.add_request(request));  // whoever comes too late cancels it
    CHECK_FALSE(work.add_task(nullptr));     // from now on tasks have no creator
    CHECK_FALSE(work.has_task());
}

TEST_CASE("client_work: its end cancels so many requests at a time", "[server]") {
    client_work work;
    std::vector<std::shared_ptr<noted_request>> all;
    for (int i = 0; i < 10; ++i) {
        all.push_back(std::make_shared<noted_request>("1"));
        REQUIRE(work.add_request(all.back()));
    }
    const auto cancelled = [&all] {
        return std::count_if(all.begin(), all.end(), [](const auto& each) { return !each->cancelled_with.empty(); });
    };
    CHECK(work.end_some(4));
    CHECK(cancelled() == 4);
    CHECK(work.end_some(4));
    CHECK(cancelled() == 8);
    CHECK_FALSE(work.end_some(4));
    CHECK(cancelled() == 10);
}

}  // namespace gatherd::api::server
