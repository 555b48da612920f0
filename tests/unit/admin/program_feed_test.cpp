#include "api/admin/program_feed.hpp"

#include <asio/io_context.hpp>
#include <catch2/catch.hpp>
#include <chrono>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace gatherd::api::admin {
namespace {

struct reader final : program_feed::follower {
    [[nodiscard]] bool is_ready() const noexcept override { return unread == nullptr; }
    void offer(program_feed::text event) override {
        unread = std::move(event);
        got.push_back(*unread);
    }
    void read() { unread = nullptr; }

    program_feed::text unread;
    std::vector<std::string> got;
};

/// A program that the test changes, and the feed of it.
class fed {
public:
    std::shared_ptr<reader> join() {
        auto made = std::make_shared<reader>();
        feed_->enter(made);
        return made;
    }

    /// The feed has looked at the program, more than once.
    void turn() {
        constexpr int handlers = 50;
        loop_.restart();
        for (int i = 0; i < handlers; ++i) {
            loop_.poll_one();
        }
    }

    program_moment now{.version = 1, .state = "running"};
    int written = 0;
    const std::shared_ptr<held_texts> held = std::make_shared<held_texts>(0);

private:
    asio::io_context loop_;
    std::shared_ptr<program_feed> feed_ = std::make_shared<program_feed>(
        loop_,
        program_feed::source{[this] { return now; },
                             [this](std::uint64_t since) {
                                 ++written;
                                 return std::to_string(since) + " to " + std::to_string(now.version);
                             }},
        [](const std::function<void()>& job) { job(); }, held, std::chrono::milliseconds{0});
};

}  // namespace

TEST_CASE("program_feed: all who have read what there was are given one text", "[admin]") {
    fed program;
    std::vector<std::shared_ptr<reader>> readers(62);
    for (auto& each : readers) {
        each = program.join();
    }
    program.turn();
    CHECK(program.written <= 2);
    for (const auto& each : readers) {
        REQUIRE(each->got == std::vector<std::string>{"0 to 1"});
        each->read();
    }
    program.now.version = 2;
    program.written = 0;
    program.turn();
    CHECK(program.written == 1);
    for (const auto& each : readers) {
        REQUIRE(each->got.back() == "1 to 2");
        CHECK(each->unread == readers.front()->unread);
    }
}

TEST_CASE("program_feed: who has missed an event is given all nodes, and so is everybody at the end", "[admin]") {
    fed program;
    const auto slow = program.join();
    const auto quick = program.join();
    program.turn();
    quick->read();
    program.now.version = 2;
    program.turn();
    CHECK(slow->got.size() == 1);
    CHECK(quick->got.back() == "1 to 2");
    quick->read();
    slow->read();
    program.now.version = 3;
    program.turn();
    CHECK(slow->got.back() == "0 to 3");
    CHECK(quick->got.back() == "2 to 3");
    quick->read();
    slow->read();
    program.now = {.version = 4, .state = "done", .has_ended = true};
    program.turn();
    CHECK(slow->got.back() == "0 to 4");
    CHECK(quick->got.back() == "0 to 4");
    CHECK(quick->unread == slow->unread);
}

TEST_CASE("program_feed: nothing is written while nothing changes, and who joins shares the text that is there",
          "[admin]") {
    fed program;
    const auto first = program.join();
    program.turn();
    program.turn();
    CHECK(program.written == 1);
    const auto second = program.join();
    program.turn();
    CHECK(program.written == 1);
    CHECK(second->unread == first->unread);
}

TEST_CASE("program_feed: nothing is written while watchers hold too much", "[admin]") {
    fed program;
    program.held->fetch_add(program_feed::most_held_bytes);
    const auto late = program.join();
    program.turn();
    CHECK(late->got.empty());
    program.held->fetch_sub(program_feed::most_held_bytes);
    program.turn();
    REQUIRE(late->got.size() == 1);
    CHECK(*program.held > 0);
    late->read();
    CHECK(*program.held == 0);
}

}  // namespace gatherd::api::admin
