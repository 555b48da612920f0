// Objects that are destroyed while tasks wait for them.
#include <atomic>
#include <catch2/catch.hpp>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "gatherd/executor/barrier.hpp"
#include "gatherd/executor/create_task.hpp"
#include "gatherd/executor/event.hpp"
#include "gatherd/executor/mutex.hpp"
#include "gatherd/executor/queue.hpp"
#include "gatherd/executor/semaphore.hpp"
#include "gatherd/executor/sleep.hpp"
#include "gatherd/executor/wait.hpp"
#include "tests/unit/executor/serially.hpp"

using namespace gatherd::executor;

namespace {

/// Objects of each kind, such that whoever comes waits.
struct objects {
    event set;
    semaphore permits{0};
    mutex lock;
    mutex::guard locked = lock.try_lock();
    barrier parties{100};
    queue<std::unique_ptr<int>> empty;
    queue<std::unique_ptr<int>> full{1};

    objects() {
        full.put_nowait(std::make_unique<int>(1));
        locked.forget();
    }
};
constexpr int kinds = 7;

task<> waits_for(objects& all, int kind) {
    switch (kind) {
        case 0:
            co_await all.set.wait();
            break;
        case 1: {
            const auto permit = co_await all.permits.acquire();
            break;
        }
        case 2: {
            const auto guard = co_await all.lock.lock();
            break;
        }
        case 3:
            co_await all.parties.wait();
            break;
        case 4:
            co_await all.empty.get();
            break;
        case 5: {
            auto item = std::make_unique<int>(2);
            co_await all.full.put(std::move(item));
            break;
        }
        default:
            co_await all.full.join();
            break;
    }
}

task<char> how_it_ends(objects& all, int kind) {
    try {
        co_await waits_for(all, kind);
    } catch (const abandoned_error&) {
        co_return 'a';
    } catch (const cancelled_error&) {
        co_return 'c';
    }
    co_return 'v';
}

/// `cancels`: some of them, in the moment before or after.
task<std::string> destroyed_under_waiters(bool cancels) {
    auto all = std::make_unique<objects>();
    std::vector<task_handle<char>> waiting;
    for (int i = 0; i < 2 * kinds; ++i) {
        waiting.push_back(create_task(how_it_ends(*all, i / 2)));
    }
    co_await yield();
    for (std::size_t i = 0; cancels && i < waiting.size(); i += 4) {
        waiting[i].cancel();
    }
    all.reset();
    for (std::size_t i = 2; cancels && i < waiting.size(); i += 4) {
        waiting[i].cancel();
    }
    std::string ends;
    for (const auto& each : waiting) {
        ends.push_back(co_await each);
    }
    co_return ends;
}

task<> consumes(queue<int>& from, std::string& out) {
    try {
        while (true) {
            const int item = co_await from.get();
            out += std::to_string(item);
        }
    } catch (const abandoned_error& e) {
        out += e.what();
    }
}

task<> fails_while_it_produces(std::string& out, std::vector<task_handle<>>& consumers, int items) {
    queue<int> to;
    consumers.push_back(create_task(consumes(to, out)));
    co_await yield();
    for (int i = 0; i < items; ++i) {
        to.put_nowait(i);  // the first is promised to the consumer, which has not run yet
    }
    throw std::runtime_error{"disk full"};
}

task<std::string> failing_producer(int items) {
    std::string out;
    std::vector<task_handle<>> consumers;
    try {
        co_await fails_while_it_produces(out, consumers, items);
    } catch (const std::runtime_error& e) {
        out += std::string{e.what()} + ": ";
    }
    co_await consumers.front();
    co_return out;
}

/// A waiter that was resumed, and is cancelled before it runs, does not touch the object.
task<char> cancelled_after_the_end() {
    auto all = std::make_unique<objects>();
    const auto waiter = create_task(how_it_ends(*all, 0));
    co_await yield();
    all->set.set();
    all.reset();
    waiter.cancel();
    co_return co_await waiter;
}

}  // namespace

TEST_CASE("abandoned: destroying what tasks wait for resumes them by abandoned_error", "[executor]") {
    CHECK(serially(destroyed_under_waiters(false)) == "aaaaaaaaaaaaaa");
}

TEST_CASE("abandoned: a cancellation at the same time is what the task gets", "[executor]") {
    CHECK(serially(destroyed_under_waiters(true)) == "cacacacacacaca");
}

TEST_CASE("abandoned: an exception in the producer ends its queue, and the consumer is told", "[executor]") {
    CHECK(serially(failing_producer(0)) == "disk full: the object was destroyed while a task waited for it");
    CHECK(serially(failing_producer(2)) == "disk full: the object was destroyed while a task waited for it");
}

TEST_CASE("abandoned: a waiter that was resumed may be cancelled after the object has gone", "[executor]") {
    CHECK(serially(cancelled_after_the_end()) == 'c');
}
