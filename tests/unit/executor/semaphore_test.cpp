#include "gatherd/executor/semaphore.hpp"

#include <catch2/catch.hpp>
#include <stdexcept>
#include <string>

#include "gatherd/executor/sleep.hpp"
#include "gatherd/executor/wait.hpp"
#include "tests/unit/executor/serially.hpp"

using namespace gatherd::executor;

namespace {

task<> notes_inside(semaphore& gate, std::string& out, char letter) {
    auto permit = co_await gate.acquire();
    out.push_back(letter);
    permit.forget();
}

task<std::string> first_come_first_served() {
    semaphore gate{1};
    std::string out;
    const auto a = create_task(notes_inside(gate, out, 'a'));
    const auto b = create_task(notes_inside(gate, out, 'b'));
    const auto c = create_task(notes_inside(gate, out, 'c'));
    co_await yield();
    gate.release();
    out.push_back(gate.try_acquire() ? '!' : '1');  // it is b's already
    co_await b;
    gate.release();
    co_await c;
    co_return out;
}

task<std::string> cancelled_waiter(bool when_released) {
    semaphore gate{0};
    std::string out;
    const auto a = create_task(notes_inside(gate, out, 'a'));
    const auto b = create_task(notes_inside(gate, out, 'b'));
    co_await yield();
    if (when_released) {
        gate.release();  // a has it, and has not run yet
        a.cancel();
    } else {
        a.cancel();
        gate.release();
    }
    co_await b;  // hangs if the permit is lost
    co_return out + ends_of(a, b) + std::to_string(gate.value());
}

task<std::string> bounded() {
    bounded_semaphore gate{2};
    std::string out;
    try {
        gate.release();
    } catch (const value_error& e) {
        out = e.what();
    }
    {
        const auto one = co_await gate.acquire();
        const auto another = co_await gate.acquire();
        out += gate.locked() ? " locked" : " free";
    }
    out += gate.locked() ? " locked" : " free";
    co_return out;
}

task<std::string> permits() {
    semaphore gate{2};
    std::string out;
    const auto note = [&out, &gate] { out += std::to_string(gate.value()); };
    auto first = co_await gate.acquire();
    {
        const auto second = co_await gate.acquire();
        note();
        const auto none = gate.try_acquire();
        out += none ? "!" : "-";
    }
    note();
    auto moved = std::move(first);
    note();
    moved.release();
    moved.release();  // once is enough
    note();
    moved = gate.try_acquire();
    note();
    moved.forget();
    gate.release();
    note();
    co_return out;
}

task<> fails_inside(semaphore& gate) {
    const auto permit = co_await gate.acquire();
    throw std::runtime_error{"inside"};
}

task<std::size_t> given_back_by_an_exception() {
    semaphore gate{1};
    const auto failing = create_task(fails_inside(gate));
    failing.ignore_exception();
    co_await wait(failing.ref());
    co_return gate.value();
}

}  // namespace

TEST_CASE("semaphore: waiters get permits in the order of coming, and nobody overtakes them", "[executor]") {
    CHECK(serially(first_come_first_served()) == "a1bc");
}

TEST_CASE("semaphore: the permit of a cancelled waiter goes to the next", "[executor]") {
    CHECK(serially(cancelled_waiter(false)) == "bcv0");
    CHECK(serially(cancelled_waiter(true)) == "bcv0");
}

TEST_CASE("bounded_semaphore: one release too many is an error", "[executor]") {
    CHECK(serially(bounded()) == "BoundedSemaphore released too many times locked free");
}

TEST_CASE("semaphore: a permit is given back once, by its end, by release, or by whom it was moved to", "[executor]") {
    CHECK(serially(permits()) == "0-11212");
}

TEST_CASE("semaphore: an exception gives the permit back", "[executor]") {
    CHECK(serially(given_back_by_an_exception()) == 1);
}
