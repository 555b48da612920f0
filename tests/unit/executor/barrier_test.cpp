#include "gatherd/executor/barrier.hpp"

#include <catch2/catch.hpp>
#include <string>

#include "gatherd/executor/gather.hpp"
#include "gatherd/executor/sleep.hpp"
#include "tests/unit/executor/serially.hpp"

using namespace gatherd::executor;

namespace {

task<> notes_index(barrier& at, std::string& out) {
    try {
        const auto index = co_await at.wait();
        out += std::to_string(index);
    } catch (const broken_barrier_error&) {
        out.push_back('x');
    }
}

task<std::string> two_rounds() {
    barrier at{3};
    std::string out;
    for (int round = 0; round < 2; ++round) {
        const auto a = create_task(notes_index(at, out));
        const auto b = create_task(notes_index(at, out));
        co_await yield();
        out += "w" + std::to_string(at.n_waiting()) + ":";
        co_await notes_index(at, out);
        co_await a;
        co_await b;
    }
    co_return out + std::to_string(at.n_waiting());
}

task<std::string> cancelled_party(bool when_tripped) {
    barrier at{3};
    std::string out;
    const auto a = create_task(notes_index(at, out));
    const auto b = create_task(notes_index(at, out));
    co_await yield();
    if (when_tripped) {
        co_await at.wait();
        a.cancel();
    } else {
        a.cancel();
        co_await wait(a.ref());
        out += std::to_string(at.n_waiting());
        const auto c = create_task(notes_index(at, out));
        co_await yield();
        co_await at.wait();
        co_await c;
    }
    co_await b;
    co_return out + ends_of(a, b);
}

task<std::string> aborted() {
    barrier at{2};
    std::string out;
    const auto a = create_task(notes_index(at, out));
    co_await yield();
    at.abort();
    co_await a;
    co_await notes_index(at, out);
    out.push_back(at.broken() ? 'b' : '-');
    at.reset();
    out.push_back(at.broken() ? 'b' : '-');
    const auto b = create_task(notes_index(at, out));
    co_await yield();
    at.reset();
    co_await b;
    const auto c = create_task(notes_index(at, out));
    co_await yield();
    co_await notes_index(at, out);
    co_await c;
    co_return out;
}

task<int> meets(barrier& at, int rounds) {
    int sum = 0;
    for (int i = 0; i < rounds; ++i) {
        const auto index = co_await at.wait();
        sum += static_cast<int>(index);
    }
    co_return sum;
}

task<int> sum_of_meetings() {
    barrier at{5};
    std::vector<task<int>> all;
    for (int i = 0; i < 5; ++i) {
        all.push_back(meets(at, 200));
    }
    int sum = 0;
    const auto sums = co_await gather(std::move(all));
    for (const int each : sums) {
        sum += each;
    }
    co_return sum;
}

}  // namespace

TEST_CASE("barrier: all go on when the last has come, and it can be used again", "[executor]") {
    CHECK(serially(two_rounds()) == "w2:201w2:2010");
}

TEST_CASE("barrier: a cancelled party leaves, and one that it let go counts", "[executor]") {
    CHECK(serially(cancelled_party(false)) == "101cv");
    CHECK(serially(cancelled_party(true)) == "1cv");
}

TEST_CASE("barrier: abort turns all away until reset, reset only those who wait", "[executor]") {
    CHECK(serially(aborted()) == "xxb-x10");
}

TEST_CASE("barrier: needs parties", "[executor]") {
    CHECK_THROWS_AS(barrier{0}, value_error);
    CHECK(barrier{3}.parties() == 3);
}

TEST_CASE("barrier: each index is given once a round, on several workers", "[executor]") {
    scheduler on{{.workers = 3}};
    CHECK(run(on, sum_of_meetings()) == 200 * (0 + 1 + 2 + 3 + 4));
}
