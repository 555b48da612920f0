#include "gatherd/executor/event.hpp"

#include <catch2/catch.hpp>
#include <string>
#include <thread>

#include "gatherd/executor/gather.hpp"
#include "gatherd/executor/sleep.hpp"
#include "tests/unit/executor/serially.hpp"

using namespace gatherd::executor;

namespace {

task<> notes_after(event& awaited, std::string& out, char letter) {
    co_await awaited.wait();
    out.push_back(letter);
}

task<std::string> all_go_on() {
    event gate;
    std::string out;
    const auto a = create_task(notes_after(gate, out, 'a'));
    const auto b = create_task(notes_after(gate, out, 'b'));
    co_await yield();
    out.push_back('1');
    gate.set();
    gate.clear();
    const auto c = create_task(notes_after(gate, out, 'c'));
    co_await b;
    out.push_back(c.done() ? '!' : '2');
    gate.set();
    co_await c;
    co_return out;
}

task<std::string> set_before() {
    event gate;
    gate.set();
    std::string out;
    const auto other = create_task(notes_after(gate, out, 'o'));
    co_await gate.wait();  // does not let the other run
    out.push_back('m');
    co_await other;
    co_return out;
}

task<std::string> cancelled_waiters(bool when_set) {
    event gate;
    std::string out;
    const auto a = create_task(notes_after(gate, out, 'a'));
    const auto b = create_task(notes_after(gate, out, 'b'));
    co_await yield();
    if (when_set) {
        gate.set();  // it has been called, and has not run yet
    }
    a.cancel();
    co_await wait(a.ref());
    gate.set();
    co_await b;
    co_return out + ends_of(a, b);
}

task<int> counts(event& gate, int n) {
    co_await gate.wait();
    co_return n;
}

task<std::size_t> many_wait(event& gate, std::size_t tasks) {
    std::vector<task<int>> all;
    for (std::size_t i = 0; i < tasks; ++i) {
        all.push_back(counts(gate, 1));
    }
    const auto results = co_await gather(std::move(all));
    co_return results.size();
}

}  // namespace

TEST_CASE("event: set wakes all who wait, in their order, even when it is cleared at once", "[executor]") {
    CHECK(serially(all_go_on()) == "1ab2c");
}

TEST_CASE("event: who waits for one that is set goes on at once", "[executor]") {
    CHECK(serially(set_before()) == "mo");
}

TEST_CASE("event: a cancelled waiter leaves the others waiting", "[executor]") {
    CHECK(serially(cancelled_waiters(false)) == "bcv");
}

TEST_CASE("event: a cancellation that crosses with set is raised", "[executor]") {
    CHECK(serially(cancelled_waiters(true)) == "bcv");
}

TEST_CASE("event: may be set by a thread that is no worker, for waiters on several", "[executor]") {
    scheduler on{{.workers = 3}};
    event gate;
    std::thread other{[&gate] { gate.set(); }};
    CHECK(run(on, many_wait(gate, 1000)) == 1000);
    other.join();
    CHECK(gate.is_set());
}
