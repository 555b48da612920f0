#include "gatherd/executor/async_scope.hpp"

#include <atomic>
#include <catch2/catch.hpp>
#include <latch>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "gatherd/executor/event.hpp"
#include "gatherd/executor/run.hpp"
#include "gatherd/executor/run_coroutine_threadsafe.hpp"
#include "gatherd/executor/sleep.hpp"

using namespace gatherd::executor;
using namespace std::chrono_literals;

namespace {

task<int> gives(int value) {
    co_await yield();
    co_return value;
}

task<> waits_for_ever(std::atomic<int>& cancelled) {
    try {
        co_await sleep(1h);
    } catch (const cancelled_error&) {
        ++cancelled;
        throw;
    }
}

task<> fails() {
    throw std::runtime_error{"boom"};
    co_return;
}

}  // namespace

TEST_CASE("async_scope: threads spawn, and wait returns when all have ended", "[executor]") {
    scheduler on{{.workers = 2}};
    std::atomic<int> sum{0};
    async_scope scope{on};
    const auto adds = [](std::atomic<int>& to, int n) -> task<> { to += co_await gives(n); };
    {
        std::vector<std::jthread> threads;
        for (int t = 0; t < 4; ++t) {
            threads.emplace_back([&] {
                for (int i = 0; i < 100; ++i) {
                    scope.spawn(adds(sum, 1));
                }
            });
        }
    }
    scope.wait();
    CHECK(sum == 400);
    CHECK(scope.size() == 0);
    CHECK_THROWS_AS(scope.spawn(gives(1)), std::logic_error);
    scope.wait();
}

TEST_CASE("async_scope: a task joins, with what the spawned tasks spawn meanwhile", "[executor]") {
    const auto main = []() -> task<int> {
        async_scope scope{*scheduler::current()};
        int ended = 0;
        event go;
        const auto child = [](int& n) -> task<> {
            ++n;
            co_return;
        };
        const auto parent = [child](async_scope& in, int& n, event& start) -> task<> {
            co_await start.wait();
            co_await in.spawn(child(n));
            ++n;
        };
        const auto handle = scope.spawn(parent(scope, ended, go), "parent");
        go.set();
        co_await scope.join();
        co_await scope.join();
        co_return ended + (handle.name() == "parent" ? 10 : 0);
    };
    CHECK(run(main()) == 12);
}

TEST_CASE("async_scope: what a spawned task left behind is cancelled when the scope is joined", "[executor]") {
    scheduler on{{.workers = 2}};
    std::atomic<int> cancelled{0};
    async_scope scope{on};
    scope.spawn([](std::atomic<int>& n) -> task<> {
        create_task(waits_for_ever(n));
        co_await yield();
    }(cancelled));
    scope.wait();
    CHECK(cancelled == 1);
}

TEST_CASE("async_scope: cancel ends the tasks, and leaves the scope open", "[executor]") {
    scheduler on{{.workers = 2}};
    std::atomic<int> cancelled{0};
    async_scope scope{on};
    const auto waiter = scope.spawn(waits_for_ever(cancelled));
    scope.cancel("enough");
    const auto later = run_coroutine_threadsafe(scope, gives(3));
    CHECK(later.result() == 3);
    scope.wait();
    CHECK(waiter.cancelled());
}

TEST_CASE("async_scope: the destructor cancels and waits", "[executor]") {
    scheduler on{{.workers = 2}};
    std::atomic<int> cancelled{0};
    std::latch begun{1};
    {
        async_scope scope{on};
        scope.spawn([](std::atomic<int>& n, std::latch& b) -> task<> {
            b.count_down();
            co_await waits_for_ever(n);
        }(cancelled, begun));
        begun.wait();
    }
    CHECK(cancelled == 1);
}

TEST_CASE("async_scope: a cancelled join cancels the tasks and raises when they have ended", "[executor]") {
    for (const auto order : {ordering::parallel, ordering::serial}) {
        const auto main = [](ordering how) -> task<bool> {
            std::atomic<int> cancelled{0};
            const auto joins = [](std::atomic<int>& n, ordering o) -> task<> {
                async_scope scope{*scheduler::current(), o};
                scope.spawn(waits_for_ever(n));
                scope.spawn(waits_for_ever(n));
                co_await sleep(0ms);
                co_await scope.join();
            };
            const auto joiner = create_task(joins(cancelled, how));
            while (!joiner.ref()->has_waited()) {
                co_await yield();
            }
            for (int i = 0; i < 100; ++i) {
                co_await yield();
            }
            joiner.cancel();
            co_await wait(joiner.ref());
            co_return joiner.cancelled() && cancelled == 2;
        };
        scheduler on{{.workers = 2}};
        CHECK(run(on, main(order)));
    }
}

TEST_CASE("async_scope: blocking a worker, and joining from within, are refused", "[executor]") {
    const auto main = []() -> task<std::string> {
        async_scope scope{*scheduler::current()};
        std::string texts;
        try {
            scope.wait();
        } catch (const std::logic_error& e) {
            texts = e.what();
        }
        const auto within = scope.spawn([](async_scope& own) -> task<> { co_await own.join(); }(scope));
        try {
            co_await within;
        } catch (const std::logic_error& e) {
            texts += std::string{"; "} + e.what();
        }
        co_await scope.join();
        co_return texts;
    };
    CHECK(run(main()) ==
          "async_scope::wait() would block a worker: await join() instead; "
          "a task cannot join the async_scope that it belongs to");
}

TEST_CASE("run_coroutine_threadsafe: results, exceptions and cancellations reach the thread", "[executor]") {
    scheduler on{{.workers = 1}};
    std::atomic<int> cancelled{0};
    async_scope scope{on};
    CHECK(run_coroutine_threadsafe(scope, gives(7)).result() == 7);

    const auto failing = run_coroutine_threadsafe(scope, fails());
    CHECK(failing.exception());
    CHECK_THROWS_WITH(failing.result(), "boom");

    const auto waiting = run_coroutine_threadsafe(scope, waits_for_ever(cancelled));
    CHECK_THROWS_AS(waiting.result(1ms), timeout_error);
    CHECK_FALSE(waiting.wait(0ms));
    CHECK_FALSE(waiting.cancelled());
    CHECK(waiting.cancel("enough"));
    CHECK_THROWS_AS(waiting.result(), cancelled_error);
    CHECK(waiting.cancelled());
    CHECK(waiting.done());
    CHECK_FALSE(waiting.cancel());
}

TEST_CASE("run_coroutine_threadsafe: a worker may not block on the result", "[executor]") {
    const auto main = []() -> task<bool> {
        async_scope scope{*scheduler::current()};
        const auto result = run_coroutine_threadsafe(scope, gives(7));
        bool refused = false;
        try {
            static_cast<void>(result.result());
        } catch (const std::logic_error&) {
            refused = true;
        }
        co_await scope.join();
        co_return refused&& result.done();
    };
    scheduler one{{.workers = 1}};
    CHECK(run(one, main()));
}
