// Faults that were found by reading, and mended: each test failed before.
#include <algorithm>
#include <atomic>
#include <catch2/catch.hpp>
#include <latch>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "gatherd/executor/create_task.hpp"
#include "gatherd/executor/fork_join/fork_join.hpp"
#include "gatherd/executor/run.hpp"
#include "gatherd/executor/sleep.hpp"
#include "gatherd/executor/wait.hpp"

using namespace gatherd::executor;

namespace {

// ---- fork_join: a failure that a cancellation hides ------------------------------------------

/// A failure that tells when it is gone.
struct traced_failure : std::runtime_error {
    explicit traced_failure(std::shared_ptr<int> token) : runtime_error{"traced"}, kept{std::move(token)} {}
    std::shared_ptr<int> kept;
};

forked<> cancels_its_task_and_fails(task_state& waiter, std::shared_ptr<int> token) {
    waiter.cancel();
    throw traced_failure{std::move(token)};
    co_return;
}

task<> computes(std::shared_ptr<int> token) {
    co_await fork_join(cancels_its_task_and_fails(task_state::current(), std::move(token)));
}

task<bool> is_cancelled_after(std::shared_ptr<int> token) {
    const auto handle = create_task(computes(std::move(token)));
    co_await wait(handle.ref());
    co_return handle.cancelled();
}

// ---- injected work: its order ----------------------------------------------------------------

struct numbered_work : work {
    numbered_work(int n, std::vector<int>& into, std::atomic<bool>& done) noexcept
        : work{&run_it}, number{n}, order{into}, all_ran{done} {}
    static void run_it(work& self) noexcept {
        auto& item = static_cast<numbered_work&>(self);
        item.order.push_back(item.number);  // one worker: no lock
        item.all_ran = item.order.size() == 5;
    }
    int number;
    std::vector<int>& order;
    std::atomic<bool>& all_ran;
};

task<> keeps_the_worker(std::latch& begun, const std::atomic<bool>& enough) {
    begun.count_down();
    while (!enough) {
        co_await yield();
    }
}

// ---- fork_join: an older computation ---------------------------------------------------------

forked<> nothing() {
    co_return;
}

forked<> forks_often(int forks) {
    for (int i = 0; i < forks; ++i) {
        co_await fork(nothing());
    }
    co_await join();
}

task<> computes_often(long& steps, const bool& enough) {
    while (!enough && steps < 100'000) {
        ++steps;
        co_await fork_join(nothing());
    }
}

task<long> steps_past_an_older_computation() {
    long steps = 0;
    bool enough = false;
    std::vector<task_handle<>> newer;
    for (int i = 0; i < 3; ++i) {
        newer.push_back(create_task(computes_often(steps, enough)));
    }
    co_await fork_join(forks_often(10'000));  // three looks round
    enough = true;
    for (const auto& each : newer) {
        co_await each;
    }
    co_return steps;
}

// ---- yield: new tasks ------------------------------------------------------------------------

task<> says_twice(std::string& out, char name) {
    out.push_back(name);
    co_await yield();
    out.push_back(name);
}

task<> three_say_twice(std::string& out) {
    std::vector<task_handle<>> all;
    for (const char name : {'a', 'b', 'c'}) {
        all.push_back(create_task(says_twice(out, name)));
    }
    for (const auto& each : all) {
        co_await each;
    }
}

/// What a root creates is in the same line as who yields.
task<> a_child_of_the_root(std::string& out) {
    co_await create_task(three_say_twice(out));
}

}  // namespace

TEST_CASE("fork_join: a failure that a cancellation hides is let go", "[executor]") {
    auto token = std::make_shared<int>(1);
    const std::weak_ptr<int> watched = token;
    CHECK(run(is_cancelled_after(std::move(token))));
    CHECK(watched.expired());
}

TEST_CASE("scheduler: injected work keeps its order also on a busy worker", "[executor]") {
    std::vector<int> order;
    std::atomic<bool> all_ran{false};
    scheduler on{{.workers = 1}};
    std::vector<std::unique_ptr<numbered_work>> items;
    std::vector<work*> bulk;
    for (int i = 0; i < 5; ++i) {
        items.push_back(std::make_unique<numbered_work>(i, order, all_ran));
        bulk.push_back(items.back().get());
    }
    std::latch begun{1};
    std::thread outside{[&] {
        begun.wait();
        on.submit_bulk(bulk);
    }};
    run(on, keeps_the_worker(begun, all_ran));
    outside.join();
    CHECK(order == std::vector<int>{0, 1, 2, 3, 4});
}

TEST_CASE("fork_join: newer computations do not keep an older one waiting for ever", "[executor]") {
    scheduler on{{.workers = 1}};
    CHECK(run(on, steps_past_an_older_computation()) < 1000);
}

// sleep.hpp: "lets every task that is ready go first"; worker.hpp: "after all that is ready".
TEST_CASE("yield: goes behind tasks that have not begun", "[executor]") {
    scheduler on{{.workers = 1}};
    int out_of_turn = 0;
    for (int round = 0; round < 20; ++round) {  // each meets another turn of the worker
        std::string out;
        run(on, a_child_of_the_root(out));
        const std::string first = out.substr(0, 3);  // whoever starts first: nobody goes on before all have started
        out_of_turn += std::is_permutation(first.begin(), first.end(), "abc") ? 0 : 1;
    }
    CHECK(out_of_turn == 0);
}
