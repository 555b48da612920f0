#include "gatherd/executor/mutex.hpp"

#include <catch2/catch.hpp>
#include <stdexcept>
#include <string>

#include "gatherd/executor/gather.hpp"
#include "gatherd/executor/sleep.hpp"
#include "tests/unit/executor/serially.hpp"

using namespace gatherd::executor;

namespace {

task<> notes_inside(mutex& only, std::string& out, char letter) {
    const auto guard = co_await only.lock();
    out.push_back(letter);
    co_await yield();
    out.push_back(static_cast<char>(letter - 'a' + 'A'));
}

task<std::string> first_come_first_served() {
    mutex only;
    std::string out;
    const auto a = create_task(notes_inside(only, out, 'a'));
    const auto b = create_task(notes_inside(only, out, 'b'));
    const auto c = create_task(notes_inside(only, out, 'c'));
    co_await a;
    co_await b;
    co_await c;
    out.push_back(only.locked() ? '!' : '.');
    co_return out;
}

task<> fails_inside(mutex& only) {
    const auto guard = co_await only.lock();
    throw std::runtime_error{"inside"};
}

task<bool> unlocked_by_an_exception() {
    mutex only;
    const auto failing = create_task(fails_inside(only));
    co_await wait(failing.ref());
    co_return failing.exception() && !only.locked();
}

task<std::string> cancelled_waiter(bool when_unlocked) {
    mutex only;
    std::string out;
    auto guard = co_await only.lock();
    const auto a = create_task(notes_inside(only, out, 'a'));
    const auto b = create_task(notes_inside(only, out, 'b'));
    co_await yield();
    if (when_unlocked) {
        guard.release();  // a has it, and has not run yet
        a.cancel();
    } else {
        a.cancel();
        guard.release();
    }
    co_await b;  // hangs if the lock is lost
    co_return out + ends_of(a, b) + (only.locked() ? "!" : ".");
}

task<int> adds(mutex& only, int& sum, int times) {
    for (int i = 0; i < times; ++i) {
        const auto guard = co_await only.lock();
        const int before = sum;  // no atomic: the mutex alone keeps this right
        co_await yield();
        sum = before + 1;
    }
    co_return times;
}

task<int> sum_of_many() {
    mutex only;
    int sum = 0;
    std::vector<task<int>> all;
    for (int i = 0; i < 20; ++i) {
        all.push_back(adds(only, sum, 100));
    }
    co_await gather(std::move(all));
    co_return sum;
}

}  // namespace

TEST_CASE("mutex: tasks have it one at a time, in the order of coming, across awaits", "[executor]") {
    CHECK(serially(first_come_first_served()) == "aAbBcC.");
}

TEST_CASE("mutex: a guard unlocks when an exception passes", "[executor]") {
    CHECK(serially(unlocked_by_an_exception()));
}

TEST_CASE("mutex: one that is unlocked cannot be unlocked", "[executor]") {
    mutex only;
    CHECK_THROWS_AS(only.unlock(), std::logic_error);
    auto guard = only.try_lock();
    CHECK(guard);
    CHECK_FALSE(only.try_lock());
    guard.forget();
    CHECK(only.locked());
    only.unlock();
    CHECK_FALSE(only.locked());
}

TEST_CASE("mutex: a cancelled waiter does not get it, and the next does", "[executor]") {
    CHECK(serially(cancelled_waiter(false)) == "bBcv.");
    CHECK(serially(cancelled_waiter(true)) == "bBcv.");
}

TEST_CASE("mutex: keeps the tasks of several workers apart", "[executor]") {
    scheduler on{{.workers = 3}};
    CHECK(run(on, sum_of_many()) == 2000);
}
