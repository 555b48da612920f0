#include "gatherd/executor/fork_join/fork_join.hpp"

#include <atomic>
#include <catch2/catch.hpp>
#include <cstddef>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "gatherd/executor/create_task.hpp"
#include "gatherd/executor/gather.hpp"
#include "gatherd/executor/run.hpp"
#include "gatherd/executor/sleep.hpp"
#include "gatherd/executor/wait.hpp"

using namespace gatherd::executor;

namespace {

forked<long> fib(int n) {
    if (n < 2) {
        co_return n;
    }
    long a = 0;
    long b = 0;
    co_await fork(a, fib(n - 1));
    co_await call(b, fib(n - 2));
    co_await join();
    co_return a + b;
}

/// The same with what `call` returns.
forked<long> fib_by_value(int n) {
    if (n < 2) {
        co_return n;
    }
    long a = 0;
    co_await fork(a, fib_by_value(n - 1));
    const long b = co_await call(fib_by_value(n - 2));
    co_await join();
    co_return a + b;
}

forked<> count(std::atomic<int>& calls) {
    ++calls;
    co_return;
}

forked<> count_in_two_rounds(std::atomic<int>& calls, int each) {
    for (int round = 0; round < 2; ++round) {
        for (int i = 0; i < each; ++i) {
            co_await fork(count(calls));
        }
        co_await call(count(calls));
        co_await join();
        if (calls != (round + 1) * (each + 1)) {
            throw std::logic_error{"joined too early"};
        }
    }
}

forked<int> throws(const char* what) {
    throw std::runtime_error{what};
    co_return 0;
}

forked<int> number(int n) {
    co_return n;
}

/// "join": the failure of a fork comes out there, and the others have ended.
forked<std::string> where_a_fork_fails() {
    int first = 0;
    int second = 0;
    int third = 0;
    co_await fork(first, number(1));
    co_await fork(second, throws("boom"));
    co_await fork(third, number(3));
    try {
        co_await join();
    } catch (const std::runtime_error& e) {
        co_return e.what() + std::to_string(first + third);
    }
    co_return "nothing";
}

forked<std::string> where_a_call_fails() {
    try {
        co_await call(throws("boom"));
    } catch (const std::runtime_error& e) {
        co_return e.what();
    }
    co_return "nothing";
}

/// With something forked, what a call raises comes out of the join: the call itself only goes on.
forked<std::string> where_a_call_beside_a_fork_fails() {
    int forked_one = 0;
    int called_one = 0;
    co_await fork(forked_one, number(1));
    co_await call(called_one, throws("boom"));
    try {
        co_await join();
    } catch (const std::runtime_error& e) {
        co_return e.what() + std::to_string(forked_one);
    }
    co_return "nothing";
}

forked<int> fails_at_the_bottom(int depth) {
    if (depth == 0) {
        throw std::runtime_error{"bottom"};
    }
    int below = 0;
    int beside = 0;
    co_await fork(below, fails_at_the_bottom(depth - 1));
    co_await call(beside, number(1));
    co_await join();
    co_return below + beside;
}

task<std::string> as_text(forked<std::string> call) {
    co_return co_await fork_join(std::move(call));
}

task<long> of(forked<long> call) {
    co_return co_await fork_join(std::move(call));
}

task<int> of(forked<int> call) {
    co_return co_await fork_join(std::move(call));
}

task<> of(forked<> call) {
    co_await fork_join(std::move(call));
}

forked<long> sum_of_forks(int forks) {
    std::vector<int> results(static_cast<std::size_t>(forks));
    for (int i = 0; i < forks; ++i) {
        co_await fork(results[static_cast<std::size_t>(i)], number(i));
    }
    co_await join();
    long sum = 0;
    for (const int each : results) {
        sum += each;
    }
    co_return sum;
}

task<> keeps_counting(std::atomic<long>& turns, const std::atomic<bool>& enough) {
    while (!enough) {
        ++turns;
        co_await yield();
    }
}

/// How often another task ran while one worker made so many forks.
task<long> turns_beside_forks(int forks) {
    std::atomic<long> turns{0};
    std::atomic<bool> enough{false};
    const auto other = create_task(keeps_counting(turns, enough));
    const long sum = co_await fork_join(sum_of_forks(forks));
    enough = true;
    co_await other;
    co_return sum == long{forks} * (forks - 1) / 2 ? turns.load() : -1;
}

task<long> several_at_once(int n) {
    std::vector<task<long>> computations;
    for (int i = 0; i < 8; ++i) {
        computations.push_back(of(fib(n)));
    }
    long sum = 0;
    for (const long each : co_await gather(std::move(computations))) {
        sum += each;
    }
    co_return sum;
}

forked<> cancels(task_state& waiter) {
    waiter.cancel("while it computes");
    co_return;
}

task<> computes_while_cancelled() {
    co_await fork_join(cancels(task_state::current()));
}

task<bool> is_cancelled_after() {
    const auto handle = create_task(computes_while_cancelled());
    co_await wait(handle.ref());
    co_return handle.cancelled();
}

long on_workers(std::size_t workers, task<long> main) {
    scheduler on{{.workers = workers}};
    return run(on, std::move(main));
}

}  // namespace

TEST_CASE("fork_join: gives the result, on one worker and on several", "[executor]") {
    CHECK(run(of(fib(1))) == 1);
    CHECK(on_workers(1, of(fib(20))) == 6765);
    CHECK(on_workers(4, of(fib(20))) == 6765);
    CHECK(on_workers(4, of(fib_by_value(20))) == 6765);
}

TEST_CASE("fork_join: calls without a result, and more than one join", "[executor]") {
    for (const std::size_t workers : {1U, 4U}) {
        std::atomic<int> calls{0};
        scheduler on{{.workers = workers}};
        run(on, of(count_in_two_rounds(calls, 1000)));
        CHECK(calls == 2 * 1001);
    }
}

TEST_CASE("fork_join: what a fork raises comes out of the join, when the others have ended", "[executor]") {
    CHECK(run(as_text(where_a_fork_fails())) == "boom4");
}

TEST_CASE("fork_join: what a call raises comes out of it, or of the join if something is forked", "[executor]") {
    CHECK(run(as_text(where_a_call_fails())) == "boom");
    CHECK(run(as_text(where_a_call_beside_a_fork_fails())) == "boom1");
}

TEST_CASE("fork_join: a failure climbs a tree of forks up to the task", "[executor]") {
    for (const std::size_t workers : {1U, 3U}) {
        scheduler on{{.workers = workers}};
        CHECK_THROWS_WITH(run(on, of(fails_at_the_bottom(200))), "bottom");
    }
}

TEST_CASE("fork_join: a hundred thousand forks of one call are joined once", "[executor]") {
    CHECK(on_workers(3, of(sum_of_forks(100'000))) == 100'000L * 99'999 / 2);
}

TEST_CASE("fork_join: a call that was never entered may be dropped", "[executor]") {
    { const auto unused = fib(3); }
    CHECK(run(of(fib(2))) == 1);
}

TEST_CASE("fork_join: after 4096 forks the worker looks round, and another task gets a turn", "[executor]") {
    CHECK(on_workers(1, turns_beside_forks(4000)) >= 1);
    CHECK(on_workers(1, turns_beside_forks(100'000)) >= 100'000 / 4096);
}

TEST_CASE("fork_join: several computations at once", "[executor]") {
    CHECK(on_workers(1, several_at_once(18)) == 8 * 2584);
    CHECK(on_workers(3, several_at_once(18)) == 8 * 2584);
}

TEST_CASE("fork_join: a task that is cancelled meanwhile is told when the computation has ended", "[executor]") {
    CHECK(run(is_cancelled_after()));
}
