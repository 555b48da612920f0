#include "gatherd/executor/context_var.hpp"

#include <catch2/catch.hpp>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "gatherd/executor/create_task.hpp"
#include "gatherd/executor/event.hpp"
#include "gatherd/executor/gather.hpp"
#include "gatherd/executor/run.hpp"
#include "gatherd/executor/sleep.hpp"
#include "gatherd/executor/task_group.hpp"
#include "gatherd/executor/wait_for.hpp"

using namespace gatherd::executor;

namespace {

context_var<int> number{"number", 1};
context_var<std::string> user{"user", "nobody"};

task<int> gives_number() {
    co_return number.get();
}

task<int> yields_then_gives_number() {
    co_await yield();
    co_return number.get();
}

/// Sets it, so that one who wrongly shares its context sees that.
task<int> gives_and_sets(int value, bool waits) {
    const int before = number.get();
    number.set(value);
    if (waits) {
        co_await yield();
    }
    co_return before;
}

}  // namespace

TEST_CASE("context_var: it has its initial value where none was set", "[executor]") {
    CHECK(number.get() == 1);
    CHECK(user.get() == "nobody");
    CHECK(std::string{number.name()} == "number");
    const auto main = []() -> task<int> { co_return number.get(); };
    CHECK(run(main()) == 1);
}

TEST_CASE("context_var: outside a task it cannot be set", "[executor]") {
    CHECK_THROWS_AS(number.set(2), std::logic_error);
}

TEST_CASE("context_var: what a task sets is seen by what it calls and creates later, and not by others", "[executor]") {
    for (const ordering order : {ordering::serial, ordering::parallel}) {
        std::vector<int> seen;
        const auto main = [&seen]() -> task<> {
            const auto before = create_task(yields_then_gives_number());
            number.set(2);
            const auto after = create_task(yields_then_gives_number());
            number.set(3);
            const auto changes = create_task(gives_and_sets(4, true));
            seen.push_back(co_await before);
            seen.push_back(co_await after);
            seen.push_back(co_await gives_number());
            seen.push_back(co_await changes);
            seen.push_back(number.get());
        };
        scheduler on{{.workers = 2}};
        run(on, main(), order);
        CHECK(seen == std::vector<int>{1, 2, 3, 3, 3});
    }
}

TEST_CASE("context_var: an awaited coroutine shares its caller's context", "[executor]") {
    const auto main = []() -> task<int> {
        co_await gives_and_sets(7, false);
        co_return number.get();
    };
    CHECK(run(main()) == 7);
}

TEST_CASE("context_var: each child of a gather starts with the values of who awaits it", "[executor]") {
    for (const ordering order : {ordering::serial, ordering::parallel}) {
        for (const std::size_t workers : {std::size_t{1}, std::size_t{2}}) {
            std::vector<int> seen;
            int after = 0;
            const auto main = [&]() -> task<> {
                number.set(5);
                std::vector<task<int>> children;
                for (int i = 0; i < 200; ++i) {
                    children.push_back(gives_and_sets(100 + i, i % 3 == 0));
                }
                seen = co_await gather(std::move(children));
                after = number.get();
            };
            scheduler on{{.workers = workers}};
            run(on, main(), order);
            CHECK(seen == std::vector<int>(200, 5));
            CHECK(after == 5);
        }
    }
}

TEST_CASE("context_var: tasks of a group, of a gather of several types and of wait_for inherit it", "[executor]") {
    std::vector<int> seen;
    const auto main = [&seen]() -> task<> {
        number.set(6);
        const auto body = [&seen](task_group& group) -> task<> {
            const auto child = group.create_task(gives_number());
            seen.push_back(co_await child);
        };
        co_await with_task_group(body);
        const auto [a, b] = co_await gather(gives_number(), yields_then_gives_number());
        seen.push_back(a);
        seen.push_back(b);
        seen.push_back(co_await wait_for(gives_number(), std::chrono::hours{1}));
    };
    run(main());
    CHECK(seen == std::vector<int>{6, 6, 6, 6});
}

TEST_CASE("context_var: a scope's task that a running task creates inherits, too", "[executor]") {
    scheduler on{{.workers = 2}};
    const auto main = []() -> task<int> {
        number.set(8);
        const auto handle = create_task_in(task_state::current().scope(), gives_number());
        co_return co_await handle;
    };
    CHECK(run(on, main()) == 8);
}

TEST_CASE("context_var: scoped_set holds until the end of its object", "[executor]") {
    std::vector<std::string> seen;
    const auto main = [&seen]() -> task<> {
        {
            auto first = user.scoped_set("root");
            const auto as_root = std::move(first);
            co_await yield();
            seen.push_back(user.get());
            number.set(3);  // stays
            {
                const auto as_guest = user.scoped_set("guest");
                seen.push_back(user.get());
            }
            seen.push_back(user.get());
        }
        seen.push_back(user.get());
        seen.push_back(std::to_string(number.get()));
    };
    run(main());
    CHECK(seen == std::vector<std::string>{"root", "guest", "root", "nobody", "3"});
}

TEST_CASE("context_var: a callback for a task's end sees the values of who added it", "[executor]") {
    std::vector<int> seen;
    const auto main = [&seen]() -> task<> {
        number.set(2);
        const auto ends = create_task(gives_and_sets(3, true));
        const auto adds = [&seen](task_handle<int> handle) -> task<> {
            number.set(4);
            handle.add_done_callback([&seen](const task_handle<int>&) {
                seen.push_back(number.get());
                number.set(5);  // for itself
            });
            handle.add_done_callback([&seen](const task_handle<int>&) { seen.push_back(number.get()); });
            co_return;
        };
        co_await create_task(adds(ends));
        co_await ends;
        seen.push_back(number.get());
        ends.add_done_callback([&seen](const task_handle<int>&) { seen.push_back(number.get()); });  // at once
    };
    scheduler on{{.workers = 2}};
    run(on, main(), ordering::serial);  // so that the callbacks are added before the end
    CHECK(seen == std::vector<int>{4, 4, 2, 2});
}

TEST_CASE("context_var: values end with the last task that sees them", "[executor]") {
    static context_var<std::shared_ptr<int>> shared{"shared"};
    const auto value = std::make_shared<int>(1);
    long inside = 0;
    const auto main = [&]() -> task<> {
        for (int i = 0; i < 1000; ++i) {
            shared.set(value);  // each takes the place of the one before
        }
        const auto child = create_task(yields_then_gives_number());
        co_await child;
        inside = value.use_count();
    };
    run(main());
    CHECK(inside == 2);
    CHECK(value.use_count() == 1);
}
