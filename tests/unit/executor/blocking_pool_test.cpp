#include "gatherd/executor/detail/blocking_pool.hpp"

#include <atomic>
#include <catch2/catch.hpp>
#include <cstddef>
#include <latch>
#include <thread>
#include <vector>

#include "gatherd/executor/run.hpp"
#include "gatherd/executor/scheduler.hpp"
#include "gatherd/executor/to_thread.hpp"

using namespace gatherd::executor;

namespace {

/// Counts itself among what its thread keeps, until the destructors of the thread's variables run.
struct kept_for_a_thread {
    explicit kept_for_a_thread(std::atomic<int>& threads) : count{threads} { ++count; }
    ~kept_for_a_thread() { --count; }
    std::atomic<int>& count;
};

/// A call that stops after it has returned and before its thread takes the next one: where a task is resumed.
struct observed_call : pool_work {
    observed_call() : pool_work{&make, &resume} {}

    static void make(work& item) noexcept {
        thread_local const kept_for_a_thread kept{static_cast<observed_call&>(item).threads};
    }
    static void resume(work& item) noexcept {
        auto& call = static_cast<observed_call&>(item);
        call.returned.count_down();
        call.goes_on.wait();
    }

    std::atomic<int> threads{0};
    std::latch returned{1};
    std::latch goes_on{1};
};

/// A call that returns when it is let go.
struct endless_call : pool_work {
    explicit endless_call(std::ptrdiff_t held = 0) : pool_work{&make, &resume}, goes_on{held} {}

    static void make(work& item) noexcept {
        auto& call = static_cast<endless_call&>(item);
        call.begun.count_down();
        call.let_go.wait();
    }
    static void resume(work& item) noexcept {
        auto& call = static_cast<endless_call&>(item);
        call.returned.count_down();
        call.goes_on.wait();
        call.is_over.count_down();
    }

    std::latch begun{1};
    std::latch let_go{1};
    std::latch returned{1};
    std::latch goes_on;  // one that is held stops before it resumes anybody
    std::latch is_over{1};
};

task<std::size_t> busy_when_a_call_has_returned() {
    co_await to_thread([] {});
    co_return scheduler::current()->blocking().busy();
}

}  // namespace

TEST_CASE("blocking_pool: a thread is not busy when the task that awaits its call goes on", "[executor]") {
    observed_call call;
    blocking_pool pool{{.max_threads = 1, .name = "test"}};
    REQUIRE(pool.submit(call));
    call.returned.wait();
    CHECK(pool.busy() == 0);
    call.goes_on.count_down();
}

TEST_CASE("blocking_pool: what is to go first does, before the calls that wait", "[executor]") {
    struct noted_call : pool_work {
        noted_call(std::vector<int>& all, int own) : pool_work{&make, &tell}, order{all}, number{own} {}
        static void make(work& item) noexcept {
            auto& call = static_cast<noted_call&>(item);
            call.order.push_back(call.number);
        }
        static void tell(work& item) noexcept { static_cast<noted_call&>(item).is_over.count_down(); }

        std::vector<int>& order;
        int number;
        std::latch is_over{1};
    };
    blocking_pool pool{{.max_threads = 1, .name = "test"}};
    endless_call busy;
    REQUIRE(pool.submit(busy));
    busy.begun.wait();
    std::vector<int> order;
    noted_call one{order, 1};
    noted_call two{order, 2};
    noted_call urgent{order, 3};
    REQUIRE(pool.submit(one));
    REQUIRE(pool.submit(two));
    REQUIRE(pool.submit(urgent, blocking_pool::place::first));
    busy.let_go.count_down();
    two.is_over.wait();
    CHECK(order == std::vector<int>{3, 1, 2});
    pool.stop();
}

TEST_CASE("blocking_pool: stop waits for a thread whose call has returned, and for what the thread keeps",
          "[executor]") {
    for (int round = 0; round < 100; ++round) {
        observed_call call;
        blocking_pool pool{{.max_threads = 1, .name = "test"}};
        REQUIRE(pool.submit(call));
        call.returned.wait();
        std::thread lets_it_go{[&call] { call.goes_on.count_down(); }};
        pool.stop();
        CHECK(call.threads == 0);
        lets_it_go.join();
    }
}

TEST_CASE("blocking_pool: stop does not wait for a call that does not return", "[executor]") {
    endless_call call;  // outlives the pool: its thread touches nothing else
    {
        blocking_pool pool{{.max_threads = 1, .name = "test"}};
        REQUIRE(pool.submit(call));
        call.begun.wait();
        CHECK(pool.busy() == 1);
        pool.stop();
    }
    call.let_go.count_down();
    call.is_over.wait();
}

TEST_CASE("blocking_pool: a thread that was left behind is not waited for later, wherever it has come", "[executor]") {
    endless_call call{1};
    {
        blocking_pool pool{{.max_threads = 1, .name = "test"}};
        REQUIRE(pool.submit(call));
        call.begun.wait();
        pool.stop();
        call.let_go.count_down();
        call.returned.wait();
        pool.stop();
    }
    call.goes_on.count_down();
    call.is_over.wait();
}

TEST_CASE("blocking_pool: where calls are awaited, stop returns when all have returned", "[executor]") {
    endless_call call;
    blocking_pool pool{{.max_threads = 1, .name = "test"}, blocking_pool::open_calls::awaited};
    REQUIRE(pool.submit(call));
    call.begun.wait();
    std::thread lets_it_go{[&call] { call.let_go.count_down(); }};
    pool.stop();
    CHECK(call.is_over.try_wait());
    lets_it_go.join();
}

TEST_CASE("to_thread: a task goes on when its thread is out of the call", "[executor]") {
    scheduler on{{.workers = 1}};
    for (int round = 0; round < 200; ++round) {
        REQUIRE(run(on, busy_when_a_call_has_returned()) == 0);
    }
}
