#include "gatherd/executor/semaphore.hpp"

#include <catch2/catch.hpp>
#include <string>

#include "gatherd/executor/bounded_semaphore.hpp"
#include "gatherd/executor/sleep.hpp"
#include "tests/unit/executor/serially.hpp"

using namespace gatherd::executor;

namespace {

task<> notes_inside(semaphore& gate, std::string& out, char letter) {
    co_await gate.acquire();
    out.push_back(letter);
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
    co_await gate.acquire();
    gate.release();
    out += gate.locked() ? " locked" : " free";
    co_return out;
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
    CHECK(serially(bounded()) == "BoundedSemaphore released too many times free");
}
