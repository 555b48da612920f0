#include "api/functions/place_line.hpp"

#include <array>
#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "gatherd/executor/create_task.hpp"
#include "gatherd/executor/run.hpp"
#include "gatherd/executor/scheduler.hpp"
#include "gatherd/executor/sleep.hpp"

namespace executor = gatherd::executor;
using gatherd::api::functions::place_line;
using place_ptr = std::unique_ptr<place_line::place>;

namespace {

template <typename T>
T in_order(executor::task<T> main) {
    executor::scheduler on{{.workers = 1}};
    return executor::run(on, std::move(main), executor::ordering::serial);
}

/// Waits for a place, and gives it back.
executor::task<> pass_through(place_line& line, const void* client, std::string& out, char letter) {
    place_line::place here{line, client};
    co_await here.granted();
    out.push_back(letter);
}

executor::task<std::string> in_order_of_arrival() {
    place_line line{1};
    const int client = 0;
    std::string out;
    auto held = std::make_unique<place_line::place>(line, &client);
    const auto a = executor::create_task(pass_through(line, &client, out, 'a'));
    const auto b = executor::create_task(pass_through(line, &client, out, 'b'));
    co_await executor::yield();
    out.push_back(held->is_granted() ? '1' : '0');
    held.reset();
    co_await a;
    co_await b;
    co_return out;
}

executor::task<std::string> cancelled_in_line() {
    place_line line{1};
    const int client = 0;
    std::string out;
    auto held = std::make_unique<place_line::place>(line, &client);
    const auto a = executor::create_task(pass_through(line, &client, out, 'a'));
    const auto b = executor::create_task(pass_through(line, &client, out, 'b'));
    const auto c = executor::create_task(pass_through(line, &client, out, 'c'));
    co_await executor::yield();
    a.cancel();
    held.reset();
    b.cancel();  // which has a place by now, and has not run yet
    co_await c;  // hangs if that place is lost
    co_return out;
}

/// How many places each of some clients has, when the first one had all, each wants all, and one after the other of the
/// first one's becomes free.
std::vector<std::size_t> shares(std::size_t clients, std::size_t places) {
    place_line line{places};
    std::vector<std::vector<place_ptr>> entries(clients);
    std::vector<int> names(clients);
    for (std::size_t client = 0; client < clients; ++client) {
        for (std::size_t i = 0; i < (client == 0 ? 2 : 1) * places; ++i) {
            entries[client].push_back(std::make_unique<place_line::place>(line, &names[client]));
        }
    }
    for (std::size_t i = 0; i < places; ++i) {
        entries[0][i].reset();
    }
    std::vector<std::size_t> held(clients);
    for (std::size_t client = 0; client < clients; ++client) {
        for (const place_ptr& each : entries[client]) {
            held[client] += each != nullptr && each->is_granted() ? 1 : 0;
        }
    }
    return held;
}

}  // namespace

TEST_CASE("place_line: the calls of one client get places in their order", "[functions]") {
    CHECK(in_order(in_order_of_arrival()) == "1ab");
}

TEST_CASE("place_line: who is cancelled in line, or with a place just granted, takes none along", "[functions]") {
    CHECK(in_order(cancelled_in_line()) == "c");
}

TEST_CASE("place_line: clients that wait share the places evenly, whoever came first", "[functions]") {
    CHECK(shares(1, 8) == std::vector<std::size_t>{8});
    CHECK(shares(2, 8) == std::vector<std::size_t>{4, 4});
    CHECK(shares(3, 9) == std::vector<std::size_t>{3, 3, 3});
}

TEST_CASE("place_line: a client with all places gets none while one with fewer waits", "[functions]") {
    place_line line{4};
    const std::array<int, 2> clients{};
    std::vector<place_ptr> first;
    for (int i = 0; i < 8; ++i) {
        first.push_back(std::make_unique<place_line::place>(line, &clients[0]));
    }
    const place_line::place second{line, &clients[1]};
    CHECK_FALSE(second.is_granted());
    first[0].reset();
    CHECK(second.is_granted());
    CHECK_FALSE(first[4]->is_granted());
    first[1].reset();
    CHECK(first[4]->is_granted());
}
