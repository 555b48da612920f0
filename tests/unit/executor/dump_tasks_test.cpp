#include "gatherd/executor/dump_tasks.hpp"

#include <algorithm>
#include <atomic>
#include <catch2/catch.hpp>
#include <chrono>
#include <future>
#include <map>
#include <string>
#include <thread>
#include <type_traits>
#include <vector>

#include "gatherd/executor.hpp"

using namespace gatherd::executor;
using namespace std::chrono_literals;

namespace {

const task_record* find(const task_dump& dump, const std::string& name) {
    const auto found = std::find_if(dump.tasks.begin(), dump.tasks.end(),
                                    [&name](const task_record& each) { return each.name == name; });
    return found == dump.tasks.end() ? nullptr : &*found;
}

/// Dumps until the named tasks wait for something: they began at some time before.
task_dump dump_when_waiting(scheduler& on, const std::vector<std::string>& names) {
    for (;;) {
        task_dump dump = dump_tasks(on);
        const auto waits = [&dump](const std::string& name) {
            const task_record* const found = find(dump, name);
            return found != nullptr && found->activity == task_activity::waiting;
        };
        if (std::all_of(names.begin(), names.end(), waits)) {
            return dump;
        }
        std::this_thread::yield();
    }
}

bool awaits(const task_dump& dump, const std::string& waiter, const std::string& awaited) {
    const task_record* const from = find(dump, waiter);
    const task_record* const to = find(dump, awaited);
    return from != nullptr && to != nullptr &&
           std::find(from->awaits.begin(), from->awaits.end(), to->id) != from->awaits.end();
}

task<> sleeps() {
    co_await sleep(1h);
}

/// A scope that somebody asks to end after it has drained.
class asked_once_more final : public task_scope {
public:
    using task_scope::task_scope;

    void close_and_ask() {
        close();
        drained_.get_future().wait();
        cancel_all();
    }

private:
    void on_drained() noexcept override { drained_.set_value(); }
    std::promise<void> drained_;
};

/// Runs `main` on a thread of its own, as "main", and cancels it at the end.
class in_background {
public:
    in_background(scheduler& on, task<> main) {
        thread_ = std::thread{[this, &on](task<> body) { run(on, named_main(std::move(body))); }, std::move(main)};
    }
    in_background(const in_background&) = delete;
    in_background& operator=(const in_background&) = delete;
    ~in_background() {
        end_.set_result();
        thread_.join();
    }

private:
    task<> named_main(task<> body) {
        const auto main = create_task(std::move(body), "main");
        co_await end_.get_future();
        main.cancel();
        co_await wait(main.ref());
    }

    promise<> end_;
    std::thread thread_;
};

task_record record(int id, std::string name, std::vector<int> awaited = {}) {
    static const std::vector<char> places(100);
    task_record made{.id = &places[static_cast<std::size_t>(id)], .name = std::move(name)};
    for (const int each : awaited) {
        made.activity = task_activity::waiting;
        made.waits_for = "task";
        made.awaits.push_back(&places[static_cast<std::size_t>(each)]);
    }
    return made;
}

/// Without the ids.
std::string shape_of(const task_dump& dump) {
    std::string text = to_string(dump);
    for (std::size_t at = text.find(" 0x"); at != std::string::npos; at = text.find(" 0x")) {
        text.erase(at, text.find_first_of(":,\n", at) - at);
    }
    return text;
}

}  // namespace

TEST_CASE("dump_tasks: without tasks it is empty", "[executor]") {
    scheduler on{{.workers = 2}};
    const task_dump dump = dump_tasks(on);
    CHECK(dump.tasks.empty());
    CHECK(dump.left_out == 0);
    CHECK(to_string(dump) == "0 tasks: 0 running, 0 ready, 0 waiting\n");
}

TEST_CASE("dump_tasks: each kind of wait has its name", "[executor]") {
    scheduler on{{.workers = 2}};
    std::atomic<bool> thread_goes_on{false};
    const auto main = [&thread_goes_on]() -> task<> {
        event never;
        semaphore no_permits{0};
        mutex locked;
        const auto held = locked.try_lock();
        condition changed{locked};
        mutex free;
        condition unchanged{free};
        queue<int> empty;
        queue<int> full{1};
        full.put_nowait(1);
        barrier two{2};
        promise<int> unset;
        const auto blocks = [&thread_goes_on] {
            while (!thread_goes_on.load()) {
                std::this_thread::yield();
            }
        };
        const auto on_event = [&]() -> task<> { co_await never.wait(); };
        const auto on_semaphore = [&]() -> task<> { const auto permit = co_await no_permits.acquire(); };
        const auto on_mutex = [&]() -> task<> { const auto guard = co_await locked.lock(); };
        const auto on_condition = [&]() -> task<> {
            const auto guard = co_await free.lock();
            co_await unchanged.wait();
        };
        const auto on_get = [&]() -> task<> { co_await empty.get(); };
        const auto on_put = [&]() -> task<> { co_await full.put(2); };
        const auto on_join = [&]() -> task<> { co_await full.join(); };
        const auto on_barrier = [&]() -> task<> { co_await two.wait(); };
        const auto on_future = [&]() -> task<> { co_await unset.get_future(); };
        const auto on_thread = [&]() -> task<> { co_await to_thread(blocks); };
        const auto on_pool = [&]() -> task<> { co_await compute(blocks); };
        const auto body = [&](task_group& group) -> task<> {
            group.create_task(sleeps(), "sleep");
            group.create_task(on_event(), "event");
            group.create_task(on_semaphore(), "semaphore");
            group.create_task(on_mutex(), "mutex");
            group.create_task(on_condition(), "condition");
            group.create_task(on_get(), "queue.get");
            group.create_task(on_put(), "queue.put");
            group.create_task(on_join(), "queue.join");
            group.create_task(on_barrier(), "barrier");
            group.create_task(on_future(), "future");
            group.create_task(on_thread(), "to_thread");
            group.create_task(on_pool(), "compute");
            co_return;
        };
        co_await with_task_group(body);
    };
    const std::vector<std::string> names{"sleep",     "event",      "semaphore", "mutex",  "condition", "queue.get",
                                         "queue.put", "queue.join", "barrier",   "future", "to_thread", "compute"};
    const in_background program{on, main()};
    std::vector<std::string> all = names;
    all.emplace_back("main");
    const task_dump dump = dump_when_waiting(on, all);
    thread_goes_on = true;
    for (const std::string& name : names) {
        INFO(name);
        CHECK(find(dump, name)->waits_for == name);
        CHECK(awaits(dump, "main", name));
        CHECK(find(dump, name)->total == 0);
    }
    CHECK(std::string{find(dump, "main")->waits_for} == "task_group");
    CHECK(find(dump, "main")->pending == names.size());
    REQUIRE(find(dump, "sleep")->until.has_value());
    CHECK(*find(dump, "sleep")->until > dump.time + 59min);
    const auto now = std::decay_t<decltype(dump.time)>::clock::now();
    CHECK(*find(dump, "sleep")->until <= now + 1h);  // it may have begun to sleep while the dump was made
}

TEST_CASE("dump_tasks: who awaits whom makes a tree", "[executor]") {
    scheduler on{{.workers = 2}};
    const auto main = []() -> task<> {
        const auto leaf = create_task(sleeps(), "leaf");
        const auto on_leaf = [](task_handle<> awaited) -> task<> { co_await awaited; };
        const auto middle = create_task(on_leaf(leaf), "middle");
        const auto beside = create_task(sleeps(), "beside");
        std::vector<task_ref> both{middle.ref(), beside.ref()};
        co_await wait_as_gather(std::move(both), return_when::all_completed);
    };
    const in_background program{on, main()};
    const task_dump dump = dump_when_waiting(on, {"main", "middle", "leaf", "beside"});
    CHECK(awaits(dump, "main", "middle"));
    CHECK(awaits(dump, "main", "beside"));
    CHECK(awaits(dump, "middle", "leaf"));
    CHECK_FALSE(awaits(dump, "main", "leaf"));
    CHECK(find(dump, "main")->pending == 2);
    CHECK(find(dump, "main")->total == 2);
}

TEST_CASE("dump_tasks: a gather tells how many of its children are pending, and which of them wait", "[executor]") {
    scheduler on{{.workers = 2}};
    const auto main = []() -> task<> {
        std::vector<task<int>> children;
        for (int i = 0; i < 10; ++i) {
            const auto child = [](int number) -> task<int> {
                if (number % 2 == 0) {
                    co_await sleep(1h);
                }
                co_return number;
            };
            children.push_back(child(i));
        }
        co_await gather(std::move(children));
    };
    const in_background program{on, main()};
    for (;;) {
        const task_dump dump = dump_when_waiting(on, {"main"});
        const task_record* const gathers = find(dump, "main");
        if (gathers->pending == 5 && gathers->awaits.size() == 5) {
            CHECK(std::string{gathers->waits_for} == "gather");
            CHECK(gathers->total == 10);
            break;
        }
    }
}

TEST_CASE("dump_tasks: a task that runs, one that is ready, and one that was asked to cancel", "[executor]") {
    scheduler on{{.workers = 1}};
    std::atomic<bool> goes_on{false};
    const auto main = [&goes_on]() -> task<> {
        const auto stubborn = []() -> task<> {
            for (;;) {
                try {
                    co_await sleep(1h);
                } catch (const cancelled_error&) {
                    if (task_state::current().cancelling() > 1) {
                        throw;
                    }
                }
            }
        };
        const auto asked = create_task(stubborn(), "asked");
        co_await wait(asked.ref(), 0ns);
        asked.cancel();
        co_await wait(asked.ref(), 0ns);
        const auto spins = [](const std::atomic<bool>& end) -> task<> {
            while (!end.load()) {
                std::this_thread::yield();
            }
            co_return;
        };
        const auto running = create_task(spins(goes_on), "running");
        const auto nothing = []() -> task<> { co_return; };
        const auto ready = create_task(nothing(), "ready");
        co_await wait(ready.ref());
        co_await wait(running.ref());
        asked.cancel();
    };
    const in_background program{on, main()};
    for (;;) {
        const task_dump dump = dump_when_waiting(on, {"asked"});
        const task_record* const running = find(dump, "running");
        if (running != nullptr && running->activity == task_activity::running) {
            REQUIRE(find(dump, "ready") != nullptr);
            CHECK(find(dump, "ready")->activity == task_activity::ready);
            CHECK(find(dump, "asked")->cancelling == 1);
            CHECK(find(dump, "ready")->cancelling == 0);
            break;
        }
    }
    goes_on = true;
}

TEST_CASE("dump_tasks: beyond the limit tasks are counted", "[executor]") {
    scheduler on{{.workers = 2}};
    const auto main = []() -> task<> {
        const auto body = [](task_group& group) -> task<> {
            for (int i = 0; i < 1000; ++i) {
                group.create_task(sleeps());
            }
            group.create_task(sleeps(), "last");
            co_return;
        };
        co_await with_task_group(body);
    };
    const in_background program{on, main()};
    const task_dump whole = dump_when_waiting(on, {"main", "last"});
    CHECK(whole.tasks.size() == 1003);  // with main, and the root
    CHECK(whole.left_out == 0);
    const task_dump part = dump_tasks(on, 100);
    CHECK(part.tasks.size() == 100);
    CHECK(part.left_out == 903);
    const task_dump none = dump_tasks(on, 0);
    CHECK(none.tasks.empty());
    CHECK(none.left_out == 1003);
}

TEST_CASE("dump_tasks: it shows the tasks of all programs, and of serial ones", "[executor]") {
    scheduler on{{.workers = 2}};
    const in_background first{on, sleeps()};
    std::thread second{[&on] {
        const auto main = []() -> task<> {
            const auto child = create_task(sleeps(), "serial");
            co_await wait(child.ref(), 0ns);
            const task_dump dump = dump_when_waiting(*scheduler::current(), {"main", "serial"});
            child.cancel();
            co_await wait(child.ref());
        };
        run(on, main(), ordering::serial);
    }};
    second.join();  // it ends only if it saw both
    CHECK(find(dump_tasks(on), "serial") == nullptr);
}

TEST_CASE("dump_tasks: programs and tasks may come and go meanwhile", "[executor]") {
    scheduler on{{.workers = 2}};
    std::atomic<bool> ended{false};
    std::atomic<std::size_t> dumps{0};
    std::vector<std::thread> threads;
    for (int i = 0; i < 2; ++i) {
        threads.emplace_back([&] {
            while (!ended.load()) {
                const task_dump dump = dump_tasks(on);
                static_cast<void>(to_string(dump));
                dumps.fetch_add(1);
            }
        });
    }
    for (int i = 0; i < 2; ++i) {
        threads.emplace_back([&] {
            for (int round = 0; round < 20 || dumps.load() < 100; ++round) {
                const auto main = []() -> task<> {
                    queue<int> items{2};
                    const auto puts = [&items]() -> task<> {
                        for (int n = 0; n < 100; ++n) {
                            co_await items.put(n);
                        }
                    };
                    const auto gets = [&items]() -> task<> {
                        for (int n = 0; n < 100; ++n) {
                            co_await items.get();
                        }
                    };
                    const auto both = [&](task_group& group) -> task<> {
                        group.create_task(puts(), "puts");
                        group.create_task(gets(), "gets");
                        for (int n = 0; n < 100; ++n) {
                            group.create_task([]() -> task<> { co_await yield(); }());
                        }
                        std::vector<task<int>> children;
                        for (int n = 0; n < 100; ++n) {
                            children.push_back([](int number) -> task<int> {
                                co_await sleep(std::chrono::microseconds{number});
                                co_return number;
                            }(n));
                        }
                        co_await gather(std::move(children));
                    };
                    co_await with_task_group(both);
                };
                run(on, main());
                asked_once_more scope{on};
                for (int n = 0; n < 100; ++n) {
                    create_task_in(scope, sleeps());
                }
                scope.close_and_ask();
            }
        });
    }
    threads[2].join();
    threads[3].join();
    ended = true;
    threads[0].join();
    threads[1].join();
    CHECK(dump_tasks(on).tasks.empty());
}

TEST_CASE("dump_tasks: its text is a tree of who waits for whom", "[executor]") {
    task_dump dump;
    dump.tasks = {record(1, "main", {2, 3}), record(2, "a", {4}), record(3, "b", {4, 5}),
                  record(4, "shared"),       record(5, ""),       record(6, "alone")};
    dump.tasks[5].activity = task_activity::running;
    dump.tasks[3].activity = task_activity::waiting;
    dump.tasks[3].waits_for = "sleep";
    dump.tasks[3].until = dump.time + 1500ms;
    dump.tasks[0].pending = 2;
    dump.tasks[0].total = 3;
    dump.tasks[4].cancelling = 1;
    dump.left_out = 7;
    dump.in_place = 1;
    CHECK(shape_of(dump) ==
          "6 tasks: 1 running, 1 ready, 4 waiting; 1 children of gathers run, and are not shown; 7 more are not shown\n"
          "main: waits for task, 2 of 3 pending\n"
          "├── a: waits for task\n"
          "│   └── shared: waits for sleep, 1.500 s left\n"
          "└── b: waits for task\n"
          "    ├── shared, see above\n"
          "    └── task: ready, asked to cancel\n"
          "alone: running\n");
}

TEST_CASE("dump_tasks: the text shows tasks that wait for each other, and ones that are not there", "[executor]") {
    task_dump dump;
    dump.tasks = {record(1, "a", {2, 9}), record(2, "b", {3}), record(3, "c", {1})};
    CHECK(shape_of(dump) ==
          "3 tasks: 0 running, 0 ready, 3 waiting\n"
          "in a circle, each waits for another:\n"
          "a: waits for task\n"
          "└── b: waits for task\n"
          "    └── c: waits for task\n"
          "        └── a, see above\n");
}

TEST_CASE("dump_tasks: the text of a long chain grows with its length only", "[executor]") {
    task_dump dump;
    const std::vector<char> places(10'001);
    for (std::size_t i = 0; i < 10'000; ++i) {
        dump.tasks.push_back({.id = &places[i], .name = "link", .awaits = {&places[i + 1]}});
    }
    const std::string text = to_string(dump);
    CHECK(text.size() < 10'000 * 200);
    CHECK(std::count(text.begin(), text.end(), '\n') == 10'001);
}
