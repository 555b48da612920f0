// The bounds of docs/EXECUTOR.md, section Fairness, counted in turns of one worker: how many steps a greedy party gets
// between the moment at which something is ready and its run. No clock decides anything here.
#include <algorithm>
#include <asio/io_context.hpp>
#include <asio/post.hpp>
#include <atomic>
#include <catch2/catch.hpp>
#include <functional>
#include <latch>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include "gatherd/executor/create_task.hpp"
#include "gatherd/executor/event.hpp"
#include "gatherd/executor/fork_join/fork_join.hpp"
#include "gatherd/executor/gather.hpp"
#include "gatherd/executor/run.hpp"
#include "gatherd/executor/sleep.hpp"

using namespace gatherd::executor;

namespace {

// As worker.hpp has them.
constexpr long event_interval = 61;
constexpr long most_in_step = 128;
constexpr long forks_between_polls = 4096;

/// Who would like to keep the worker.
enum class greed {
    yields,  ///< a task that yields in a loop
    rings,   ///< two tasks that wake each other
    forks,   ///< a computation that forks in a loop: its step is a fork
};

/// What a greedy party did, and how much of it since something else was ready. All in steps of one worker.
struct occupation {
    long steps = 0;
    long ready_at = -1;  // none yet
    long passed = 0;     // steps from ready to run; the most of several
    bool enough = false;
    std::function<bool()> is_ready = [] { return false; };

    void step() {
        ++steps;
        if (ready_at < 0 && is_ready()) {
            ready_at = steps;
        }
    }
    void ready() { ready_at = steps; }
    void ran() {
        passed = std::max(passed, ready_at < 0 ? 0 : steps - ready_at);
        ready_at = -1;
    }
};

task<> yields(occupation& at) {
    while (!at.enough) {
        at.step();
        co_await yield();
    }
}

task<> rings(occupation& at, event& own, event& others) {
    while (!at.enough) {
        co_await own.wait();
        own.clear();
        at.step();
        others.set();
    }
}

task<> ring_each_other(occupation& at) {
    event left;
    event right;
    left.set();
    const auto other = create_task(rings(at, right, left));
    co_await rings(at, left, right);
    co_await other;
}

forked<> nothing() {
    co_return;
}

forked<> forks(occupation& at) {
    while (!at.enough) {
        at.step();
        co_await fork(nothing());
        co_await join();
    }
}

task<> keep_busy(occupation& at, greed kind) {
    switch (kind) {
        case greed::yields:
            co_await yields(at);
            break;
        case greed::rings:
            co_await ring_each_other(at);
            break;
        case greed::forks:
            co_await fork_join(forks(at));
            break;
    }
}

/// Who creates a task: what a root creates starts in another line than what its children do.
enum class creator { root, child };

task<> beside(occupation& at, greed kind, creator by, task<> subject) {
    const auto busy = create_task(keep_busy(at, kind));
    while (at.steps < 10) {
        co_await yield();
    }
    if (by == creator::root) {
        co_await std::move(subject);
    } else {
        co_await create_task(std::move(subject));
    }
    at.enough = true;
    co_await busy;
}

using subject = task<>(occupation&);

/// The most steps that passed while what the subject has ready did not run.
long passed_beside(greed kind, subject& main, creator by = creator::child) {
    scheduler on{{.workers = 1}};
    occupation at;
    run(on, beside(at, kind, by, main(at)));
    return at.passed;
}

/// As that, for what comes from another thread, which `submit` does once the greedy party is at it. It ends by at.ran()
/// and at.enough.
long passed_while(greed kind, const std::function<void(scheduler&, occupation&)>& submit) {
    long worst = 0;
    for (int round = 0; round < 100; ++round) {  // each meets another place between two looks
        scheduler on{{.workers = 1}};
        occupation at;
        std::latch begun{1};
        std::atomic<bool> submitted{false};
        at.is_ready = [&] {
            if (at.steps == 1) {
                begun.count_down();
            }
            return submitted.load();
        };
        std::thread outside{[&] {
            begun.wait();
            submit(on, at);
            submitted = true;
        }};
        run(on, keep_busy(at, kind));
        outside.join();
        worst = std::max(worst, at.passed);
    }
    return worst;
}

// ---- what is ready beside the greedy party ---------------------------------------------------

constexpr int rounds = 500;  // more than a whole number of looks: each round meets another turn

task<> takes_turns(occupation& at) {
    for (int i = 0; i < rounds; ++i) {
        at.ready();
        co_await yield();
        at.ran();
    }
}

task<> notes(occupation& at) {
    at.ran();
    co_return;
}

task<> creates(occupation& at) {
    for (int i = 0; i < rounds; ++i) {
        at.ready();
        co_await create_task(notes(at));
    }
}

task<> notes_the_last(occupation& at, long& left) {
    if (--left == 0) {
        at.ran();
    }
    co_return;
}

task<> creates_a_wide_family(occupation& at) {
    for (int i = 0; i < 20; ++i) {
        long left = 2 * most_in_step;
        std::vector<task_handle<>> family;
        at.ready();
        for (long member = left; member > 0; --member) {
            family.push_back(create_task(notes_the_last(at, left)));
        }
        for (const auto& each : family) {
            co_await each;
        }
    }
}

forked<> notes_in_a_fork(occupation& at) {
    at.ran();
    co_return;
}

task<> computes(occupation& at) {
    for (int i = 0; i < rounds; ++i) {
        at.ready();
        co_await fork_join(notes_in_a_fork(at));
    }
}

/// A new task makes the next, and so on: each is newer than what waits below. For a child of the root.
task<> chain(occupation& at) {
    at.step();
    if (!at.enough) {
        create_task(chain(at));
    }
    co_return;
}

task<> waits_below_a_chain(occupation& at, int count) {
    for (int i = 0; i < rounds / 10; ++i) {
        at.enough = false;
        long left = count;
        std::vector<task_handle<>> older;
        create_task(chain(at));
        for (int member = 0; member < count; ++member) {
            older.push_back(create_task(notes_the_last(at, left)));
        }
        at.ready();
        for (const auto& each : older) {
            co_await each;
        }
        at.enough = true;
        co_await sleep(std::chrono::milliseconds{1});  // by then the chain has ended
    }
}

task<> below_a_chain(occupation& at, int count) {
    co_await create_task(waits_below_a_chain(at, count));
}

// ---- what comes from outside -----------------------------------------------------------------

struct noted_work : work {
    explicit noted_work(occupation& of) : work{&run_it}, at{of} {}
    static void run_it(work& self) noexcept {
        auto& noted = static_cast<noted_work&>(self);
        noted.at.ran();
        noted.at.enough = true;
    }
    occupation& at;
};

struct noted_timer : timer_node {
    explicit noted_timer(occupation& of) : timer_node{&fired}, at{of} {}
    static void fired(timer_node& self) noexcept {
        auto& noted = static_cast<noted_timer&>(self);
        noted.at.ran();
        noted.at.enough = true;
    }
    occupation& at;
};

long passed_by_a_timer(greed kind) {
    long worst = 0;
    for (long round = 0; round < event_interval; ++round) {  // each meets another turn
        scheduler on{{.workers = 1}};
        occupation at;
        noted_timer due{at};
        at.is_ready = [&, round] {
            const bool now = at.steps == 100 + round;
            if (now) {
                on.add_timer(0, due, clock::now() - std::chrono::seconds{1});
            }
            return now;
        };
        run(on, keep_busy(at, kind));
        worst = std::max(worst, at.passed);
    }
    return worst;
}

task<> starts_and_yields_until(long& own_steps, long& others_to_start) {
    --others_to_start;
    do {
        ++own_steps;
        co_await yield();
    } while (others_to_start > 0);
}

/// More tasks than a worker's ready queue holds, of which each goes on until all have started. Hangs if one never does.
task<std::vector<long>> crowd(std::size_t size) {
    std::vector<long> steps(size);
    long to_start = static_cast<long>(size);
    std::vector<task_handle<void>> all;
    for (long& own : steps) {
        all.push_back(create_task(starts_and_yields_until(own, to_start)));
    }
    for (const auto& each : all) {
        co_await each;
    }
    co_return steps;
}

}  // namespace

TEST_CASE("fairness: of two that are ready each gets every second turn", "[executor]") {
    CHECK(passed_beside(greed::yields, takes_turns) == 1);
    CHECK(passed_beside(greed::rings, takes_turns) == 1);
    CHECK(passed_beside(greed::forks, takes_turns) <= forks_between_polls);
}

TEST_CASE("fairness: a new task starts within four turns", "[executor]") {
    CHECK(passed_beside(greed::yields, creates) <= 3);
    CHECK(passed_beside(greed::rings, creates) <= 3);
    CHECK(passed_beside(greed::forks, creates) <= forks_between_polls);
}

TEST_CASE("fairness: a child of the root starts in its turn", "[executor]") {
    CHECK(passed_beside(greed::yields, creates, creator::root) <= 1);
    CHECK(passed_beside(greed::rings, creates, creator::root) <= 1);
    CHECK(passed_beside(greed::forks, creates, creator::root) <= forks_between_polls);
}

TEST_CASE("fairness: who yields goes behind all that was created before", "[executor]") {
    // One turn for those in the worker's queues, and one for each 64 of the 128 that were injected.
    CHECK(passed_beside(greed::yields, creates_a_wide_family) <= 3);
    CHECK(passed_beside(greed::yields, creates_a_wide_family, creator::root) <= 3);
}

TEST_CASE("fairness: of a step that creates more than 128 tasks the rest start within 8 turns for each", "[executor]") {
    CHECK(passed_beside(greed::rings, creates_a_wide_family) <= 8 * most_in_step);
    CHECK(passed_beside(greed::rings, creates_a_wide_family, creator::root) <= 8 * most_in_step);
}

TEST_CASE("fairness: a new task waits for newer ones at most 61 turns, and 61 for each that is older", "[executor]") {
    for (const int count : {1, 3, 20}) {
        CAPTURE(count);
        scheduler on{{.workers = 1}};
        occupation at;
        run(on, below_a_chain(at, count));
        CHECK(at.passed <= event_interval * count);
    }
}

TEST_CASE("fairness: a fork_join starts in its turn", "[executor]") {
    CHECK(passed_beside(greed::yields, computes) <= 1);
    CHECK(passed_beside(greed::rings, computes) <= 1);
    CHECK(passed_beside(greed::forks, computes) <= forks_between_polls);
}

TEST_CASE("fairness: a timer fires after at most 60 turns", "[executor]") {
    CHECK(passed_by_a_timer(greed::yields) <= event_interval - 1);
    CHECK(passed_by_a_timer(greed::rings) <= event_interval - 1);
    CHECK(passed_by_a_timer(greed::forks) <= forks_between_polls);
}

TEST_CASE("fairness: a socket's handler runs after at most 60 turns", "[executor]") {
    const auto post = [](scheduler& on, occupation& at) {
        asio::post(on.io(0), [&at] {
            at.ran();
            at.enough = true;
        });
    };
    CHECK(passed_while(greed::yields, post) <= event_interval - 1);
    CHECK(passed_while(greed::rings, post) <= event_interval - 1);
    CHECK(passed_while(greed::forks, post) <= forks_between_polls);
}

TEST_CASE("fairness: injected work runs after at most 60 turns and what was ready", "[executor]") {
    std::vector<std::unique_ptr<noted_work>> items;
    const auto inject = [&items](scheduler& on, occupation& at) {
        items.push_back(std::make_unique<noted_work>(at));
        on.submit(*items.back());
    };
    CHECK(passed_while(greed::yields, inject) <= event_interval);
    CHECK(passed_while(greed::rings, inject) <= event_interval);
    CHECK(passed_while(greed::forks, inject) <= forks_between_polls);
}

TEST_CASE("fairness: a step that has taken long and says so is followed by a poll", "[executor]") {
    scheduler on{{.workers = 1}};
    bool has_run = false;
    bool is_over = false;
    const auto stays_ready = [&is_over]() -> task<> {
        while (!is_over) {
            co_await yield();
        }
    };
    run(on, [&]() -> task<> {
        const auto other = create_task(stays_ready());
        co_await yield();
        asio::post(on.io(0), [&has_run] { has_run = true; });
        for (const auto begin = clock::now(); clock::now() - begin < std::chrono::milliseconds{1};) {
        }
        worker::current()->poll_if_late();
        co_await yield();
        CHECK(has_run);
        is_over = true;
        co_await other;
    }());
}

TEST_CASE("fairness: a worker whose sockets are never quiet takes what waits for another one", "[executor]") {
    std::atomic<bool> is_over = false;
    std::function<void(std::size_t)> serve;
    scheduler on{{.workers = 2}};  // ends before what its last handlers use
    serve = [&](std::size_t index) {
        if (!is_over) {
            asio::post(on.io(index), [&serve, index] { serve(index); });
        }
    };
    serve(0);
    serve(1);
    const auto end_it = [&is_over]() -> task<> {
        is_over = true;
        co_return;
    };
    run(on, [&]() -> task<> {
        const auto other = create_task(end_it());
        while (!is_over) {  // one step: only the other worker can run that task
        }
        co_await other;
    }());
}

TEST_CASE("fairness: what a handler makes ready does not stand behind all that another one made ready", "[executor]") {
    constexpr int many = 2 * most_in_step;
    scheduler on{{.workers = 1}};
    event one;
    event other;
    int begun = 0;
    int ended = 0;
    int ended_before = -1;
    const auto waits = [&one, &begun, &ended]() -> task<> {
        ++begun;
        co_await one.wait();
        ++ended;
    };
    const auto waits_alone = [&other, &begun, &ended, &ended_before]() -> task<> {
        ++begun;
        co_await other.wait();
        ended_before = ended;
    };
    run(on, [&]() -> task<> {
        std::vector<task<>> waiting;
        waiting.reserve(many + 1);
        for (int i = 0; i < many; ++i) {
            waiting.push_back(waits());
        }
        waiting.push_back(waits_alone());
        auto all = create_task(gather(std::move(waiting)));
        while (begun <= many) {
            co_await yield();
        }
        asio::post(on.io(0), [&one] { one.set(); });
        asio::post(on.io(0), [&other] { other.set(); });
        co_await std::move(all);
    }());
    CHECK(ended == many);
    CHECK(ended_before <= most_in_step);
}

TEST_CASE("fairness: more tasks than the ready queue holds, all ready again and again, keep no injected one out",
          "[executor]") {
    scheduler on{{.workers = 1}};
    CHECK(run(on, crowd(1000)).size() == 1000);
}

TEST_CASE("fairness: what a socket makes ready does not stand behind what steps have made ready by thousands",
          "[executor]") {
    constexpr int steps_that_wake = 200;
    constexpr int woken_each = 100;  // too few to go behind for that
    constexpr int middle = 1000;
    constexpr int ready_queue = 256;
    scheduler on{{.workers = 1}};
    event starts;
    event served;
    int steps = 0;
    int served_at = -1;
    int ran_at = -1;
    const auto is_woken = [&](event& by) -> task<> {
        co_await by.wait();
        if (++steps == middle) {
            asio::post(on.io(0), [&] {
                served_at = steps;
                served.set();
            });
        }
    };
    const auto wakes = [&](event& others) -> task<> {
        co_await starts.wait();
        others.set();
    };
    const auto neighbour = [&]() -> task<> {
        co_await served.wait();
        ran_at = steps;
    };
    run(on, [&]() -> task<> {
        std::vector<event> events(steps_that_wake);
        std::vector<task_handle<>> tasks{create_task(neighbour())};
        for (event& each : events) {
            for (int i = 0; i < woken_each; ++i) {
                tasks.push_back(create_task(is_woken(each)));
            }
            tasks.push_back(create_task(wakes(each)));
        }
        for (const task_handle<>& each : tasks) {
            while (!each.ref()->has_waited()) {
                co_await yield();
            }
        }
        starts.set();
        for (const task_handle<>& each : tasks) {
            co_await each;
        }
    }());
    CHECK(steps == steps_that_wake * woken_each);
    CHECK(served_at >= middle);
    CHECK(ran_at - served_at <= 2 * ready_queue);
}

TEST_CASE("fairness: where more is ready than fits, sockets that are never quiet are served each eighth poll",
          "[executor]") {
    constexpr int crowd = 1000;  // the rings hold half of it
    constexpr int turns_a_look = 8 * 61;
    constexpr int handlers_a_look = 64;
    constexpr int looks = 10;
    scheduler on{{.workers = 1}};
    bool is_over = false;
    int begun = 0;
    int steps = 0;
    int handled = 0;
    int steps_at_first = 0;
    const auto stays_ready = [&]() -> task<> {
        ++begun;
        while (!is_over) {
            ++steps;
            co_await yield();
        }
    };
    const std::function<void()> serve = [&] {
        steps_at_first = handled == 0 ? steps : steps_at_first;
        is_over = ++handled == looks * handlers_a_look;
        if (!is_over) {
            asio::post(on.io(0), serve);
        }
    };
    int steps_before = 0;
    run(on, [&]() -> task<> {
        std::vector<task_handle<>> all;
        for (int i = 0; i < crowd; ++i) {
            all.push_back(create_task(stays_ready()));
        }
        while (begun < crowd) {
            co_await yield();
        }
        steps_before = steps;
        asio::post(on.io(0), serve);
        for (const task_handle<>& each : all) {
            co_await each;
        }
    }());
    CHECK(steps_at_first - steps_before <= turns_a_look);
    CHECK(steps - steps_at_first >= (looks - 1) * (turns_a_look - 8));
}
