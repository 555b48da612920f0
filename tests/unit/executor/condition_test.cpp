#include "gatherd/executor/condition.hpp"

#include <catch2/catch.hpp>
#include <stdexcept>
#include <string>

#include "gatherd/executor/gather.hpp"
#include "gatherd/executor/sleep.hpp"
#include "tests/unit/executor/serially.hpp"

using namespace gatherd::executor;

namespace {

/// A condition, and what its waiters wrote.
struct room {
    mutex only;
    condition changed{only};
    std::string out;
    int value = 0;
};

task<> waits(room& in, char letter) {
    const auto guard = co_await in.only.lock();
    co_await in.changed.wait();
    in.out.push_back(letter);
}

task<> notifies(room& in, std::size_t n) {
    const auto guard = co_await in.only.lock();
    in.changed.notify(n);
    co_await yield();  // nobody goes on before this unlocks
    in.out.push_back('.');
}

task<std::string> as_many_as_are_notified() {
    room in;
    std::vector<task_handle<>> waiting;
    for (const char letter : {'a', 'b', 'c', 'd'}) {
        waiting.push_back(create_task(waits(in, letter)));
    }
    co_await yield();
    co_await notifies(in, 1);
    co_await waiting[0];
    co_await notifies(in, 2);
    co_await waiting[2];
    co_await notifies(in, 100);
    co_await waiting[3];
    co_return in.out + (in.only.locked() ? "!" : "");
}

task<> waits_with_clean_up(room& in) {
    const auto guard = co_await in.only.lock();
    try {
        co_await in.changed.wait();
    } catch (const cancelled_error&) {
        in.out += in.only.locked() ? "locked " : "unlocked ";
        throw;
    }
}

task<std::string> cancelled_while_it_waits(bool another_has_it) {
    room in;
    const auto waiter = create_task(waits_with_clean_up(in));
    co_await yield();
    if (another_has_it) {
        const auto guard = co_await in.only.lock();
        waiter.cancel();
        co_await yield();
        in.out += waiter.done() ? "too early " : "still waits ";
    } else {
        waiter.cancel();
    }
    co_await wait(waiter.ref());
    co_return in.out + ends_of(waiter) + (in.only.locked() ? "!" : "");
}

/// `late`: once the notified one has the mutex, but has not run; else while it waits for it.
task<std::string> cancelled_when_notified(bool late) {
    room in;
    const auto a = create_task(waits(in, 'a'));
    const auto b = create_task(waits(in, 'b'));
    co_await yield();
    auto guard = co_await in.only.lock();
    in.changed.notify_one();
    if (late) {
        guard.release();
        a.cancel();
    } else {
        a.cancel();
        guard.release();
    }
    co_await b;  // hangs if the notification is lost
    co_return in.out + ends_of(a, b) + (in.only.locked() ? "!" : "");
}

task<int> waits_for_value(room& in, int wanted) {
    const auto guard = co_await in.only.lock();
    co_await in.changed.wait([&in, wanted] { return in.value >= wanted; });
    co_return in.value;
}

task<int> counts_up(room& in, int to) {
    for (int i = 0; i < to; ++i) {
        const auto guard = co_await in.only.lock();
        ++in.value;
        in.changed.notify_all();
    }
    co_return to;
}

task<bool> predicates_of_many() {
    room in;
    std::vector<task<int>> all;
    for (int wanted = 1; wanted <= 50; ++wanted) {
        all.push_back(waits_for_value(in, wanted));
    }
    all.push_back(counts_up(in, 50));
    const auto seen = co_await gather(std::move(all));
    for (int wanted = 1; wanted <= 50; ++wanted) {
        if (seen[static_cast<std::size_t>(wanted) - 1] < wanted) {
            co_return false;
        }
    }
    co_return true;
}

}  // namespace

TEST_CASE("condition: as many go on as are notified, in order, once the mutex is free", "[executor]") {
    CHECK(serially(as_many_as_are_notified()) == ".a.bc.d");
}

TEST_CASE("condition: a cancelled waiter has the mutex when CancelledError is raised", "[executor]") {
    CHECK(serially(cancelled_while_it_waits(false)) == "locked c");
    CHECK(serially(cancelled_while_it_waits(true)) == "still waits locked c");
}

TEST_CASE("condition: the notification of a cancelled waiter goes to the next", "[executor]") {
    CHECK(serially(cancelled_when_notified(false)) == "bcv");
    CHECK(serially(cancelled_when_notified(true)) == "bcv");
}

TEST_CASE("condition: needs the mutex to be locked", "[executor]") {
    room in;
    CHECK_THROWS_AS(in.changed.notify_all(), std::logic_error);
    CHECK_THROWS_AS(in.changed.wait(), std::logic_error);
}

TEST_CASE("condition: waits until a predicate is true, on several workers", "[executor]") {
    scheduler on{{.workers = 3}};
    CHECK(run(on, predicates_of_many()));
}
