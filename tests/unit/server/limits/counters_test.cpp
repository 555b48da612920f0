#include "api/server/limits/counters.hpp"

#include <asio/io_context.hpp>
#include <asio/post.hpp>
#include <catch2/catch.hpp>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <nlohmann/json.hpp>

#include "gatherd/executor/scheduler.hpp"

namespace gatherd::api::server {
namespace {

/// The names of those that are not 0, each with its number.
std::string raised(const value& all) {
    std::string text;
    for (const auto& [name, number] : all.items()) {
        if (number != 0) {
            text += name + ":" + number.dump() + " ";
        }
    }
    return text;
}

error over(const char* limit) {
    return {errc::limit_exceeded, "", std::make_shared<const value>(value{{"limit", limit}})};
}

}  // namespace

TEST_CASE("counters: each event has a name of its own and a number of its own", "[server]") {
    constexpr auto events = static_cast<std::size_t>(event::count);
    const executor::scheduler on{{.workers = 1}};
    counters counts{on};
    for (std::size_t i = 0; i < events; ++i) {
        counts.add(static_cast<event>(i), i + 1);
    }
    const value all = counts.events();
    REQUIRE(all.size() == events);
    std::size_t i = 0;
    for (const auto& [name, number] : all.items()) {
        CHECK_FALSE(name.empty());
        CHECK(number == ++i);
        CHECK(counts.get(static_cast<event>(i - 1)) == i);
    }
    CHECK(all["connections_accepted"] == 1);
    CHECK(all["answers_ignored"] == events);
    CHECK(raised(counts.errors()).empty());
    CHECK(raised(counts.limits_met()).empty());
}

TEST_CASE("counters: what threads count at once is all there, in sum", "[server]") {
    constexpr int threads = 4;
    constexpr int times = 10'000;
    executor::scheduler on{{.workers = 2}};
    counters counts{on};
    std::vector<std::promise<void>> done(on.workers());
    const auto count = [&counts] {
        for (int i = 0; i < times; ++i) {
            counts.add(event::requests);
        }
    };
    for (std::size_t i = 0; i < on.workers(); ++i) {
        asio::post(on.io(i), [&count, &end = done[i]] {
            count();
            end.set_value();
        });
    }
    std::vector<std::thread> others;
    for (int i = 0; i < threads; ++i) {
        others.emplace_back(count);
    }
    for (auto& each : others) {
        each.join();
    }
    for (auto& each : done) {
        each.get_future().wait();
    }
    on.stop();
    CHECK(counts.get(event::requests) == (threads + on.workers()) * times);
}

TEST_CASE("counters: workers of two schedulers count at once, each once", "[server]") {
    constexpr int times = 100'000;
    executor::scheduler on{{.workers = 1}};
    executor::scheduler other{{.workers = 2}};
    counters counts{on};
    std::vector<std::promise<void>> done(3);
    const auto count = [&](asio::io_context& where, std::promise<void>& end) {
        asio::post(where, [&counts, &end] {
            for (int i = 0; i < times; ++i) {
                counts.add(event::bytes_read, 5);
            }
            end.set_value();
        });
    };
    count(on.io(0), done[0]);
    count(other.io(0), done[1]);
    count(other.io(1), done[2]);
    for (auto& each : done) {
        each.get_future().wait();
    }
    CHECK(counts.get(event::bytes_read) == 5 * done.size() * times);
}

TEST_CASE("counters: every code that a client can be told is counted by itself", "[server]") {
    for (const errc code : {errc::parse_error, errc::invalid_request, errc::method_not_found, errc::invalid_params,
                            errc::internal_error, errc::task_failed, errc::timed_out, errc::cancelled, errc::overloaded,
                            errc::not_authenticated, errc::shutting_down, errc::limit_exceeded, errc::no_such_task}) {
        const executor::scheduler on{{.workers = 1}};
        counters counts{on};
        counts.add_error({code, "why"});
        CHECK(raised(counts.errors()) == std::to_string(static_cast<int>(code)) + ":1 ");
        CHECK(raised(counts.limits_met()).empty());
    }
}

TEST_CASE("counters: an error over a limit counts for that limit, no other error does", "[server]") {
    const executor::scheduler on{{.workers = 1}};
    counters counts{on};
    counts.add_error(over("limits.depth"));
    counts.add_error(over("limits.unheard_of"));
    counts.add_error({errc::limit_exceeded, "", std::make_shared<const value>(value{{"limit", 7}})});
    counts.add_error({errc::overloaded, "", std::make_shared<const value>(value{{"limit", "limits.connections"}})});
    CHECK(raised(counts.limits_met()) == "limits.depth:1 ");
    CHECK(raised(counts.errors()) == "-32003:1 -32006:3 ");
}

TEST_CASE("counters: each limit is counted by its full name", "[server]") {
    const executor::scheduler on{{.workers = 1}};
    counters counts{on};
    int number = 0;
    std::string expected;
    const value all = counts.limits_met();
    for (const auto& [name, met] : all.items()) {
        counts.add_limit(name, static_cast<std::uint64_t>(++number));
        expected += name + ":" + std::to_string(number) + " ";
    }
    counts.add_limit("depth");
    counts.add_limit("");
    CHECK(number == 24);
    CHECK(raised(counts.limits_met()) == expected);
    CHECK(raised(counts.events()).empty());
}

TEST_CASE("counters: methods are counted by index, the last one beside the errors", "[server]") {
    const executor::scheduler on{{.workers = 1}};
    counters counts{on};
    constexpr std::size_t last = counters::most_methods - 1;
    counts.add_method(0);
    counts.add_method(last);
    counts.add_method(last);
    CHECK(counts.of_method(0) == 1);
    CHECK(counts.of_method(1) == 0);
    CHECK(counts.of_method(last) == 2);
    CHECK(raised(counts.events()).empty());
    CHECK(raised(counts.errors()).empty());
}

}  // namespace gatherd::api::server
