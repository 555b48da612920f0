#include "gatherd/executor/unretrieved_exception.hpp"

#include <catch2/catch.hpp>
#include <mutex>
#include <stdexcept>
#include <string>
#include <vector>

#include "gatherd/executor/event.hpp"
#include "gatherd/executor/future.hpp"
#include "gatherd/executor/gather.hpp"
#include "gatherd/executor/race.hpp"
#include "gatherd/executor/sleep.hpp"
#include "gatherd/executor/task_group.hpp"
#include "gatherd/executor/wait.hpp"
#include "tests/unit/executor/serially.hpp"

using namespace gatherd::executor;

namespace {

// The handler is the process's, and so is what it hears.
std::mutex lock;
std::vector<std::string> heard;

void hear(std::string_view name, const std::exception_ptr& exception) noexcept {
    const std::lock_guard guard{lock};
    try {
        std::rethrow_exception(exception);
    } catch (const std::exception& e) {
        heard.push_back(std::string{name} + ": " + e.what());
    } catch (...) {
        heard.push_back(std::string{name} + ": ...");
    }
}

/// What is heard while a coroutine runs.
std::vector<std::string> heard_from(task<> main) {
    heard.clear();
    const auto before = set_unretrieved_exception_handler(&hear);
    serially(std::move(main));
    set_unretrieved_exception_handler(before);
    return heard;
}

task<int> fails(const char* why = "boom") {
    co_await yield();
    throw std::runtime_error{why};
}

task<int> throws_an_int() {
    co_await yield();
    throw 5;
}

task<> nobody_asks() {
    create_task(fails(), "first");
    create_task(throws_an_int(), "second");
    const auto kept = create_task(fails("late"), "third");
    co_await wait(kept.ref());  // tells that it has ended, and nothing of it
}

task<> somebody_asks() {
    const auto awaited = create_task(fails());
    try {
        co_await awaited;
    } catch (const std::runtime_error&) {
    }
    const auto asked = create_task(fails());
    co_await wait(asked.ref());
    static_cast<void>(asked.exception());
    const auto cancelled = create_task(fails());
    cancelled.cancel();
    co_await wait(cancelled.ref());
    const auto ignored = create_task(fails());
    ignored.ignore_exception();
    co_await wait(ignored.ref());
}

task<> those_who_look_at_all() {
    std::vector<task<int>> gathered;
    gathered.push_back(fails("one"));
    gathered.push_back(fails("two"));
    try {
        co_await gather(std::move(gathered));
    } catch (const std::runtime_error&) {
    }
    try {
        co_await gather(fails(), throws_an_int());
    } catch (const std::runtime_error&) {
    }
    try {
        co_await race(fails("one"), fails("two"));
    } catch (const std::runtime_error&) {
    }
    const auto body = [](task_group& group) -> task<> {
        group.create_task(fails("one"));
        group.create_task(fails("two"));
        co_return;
    };
    try {
        co_await with_task_group(body);
    } catch (const std::exception&) {
    }
    const auto first = create_task(fails());
    std::vector<task_ref> waited{first.ref()};
    co_await wait(std::move(waited), return_when::first_exception);  // asks, as asyncio's does
    co_await sleep(std::chrono::milliseconds{1});
}

task<> futures() {
    {
        promise<int> unseen;
        unseen.set_exception(std::make_exception_ptr(std::runtime_error{"unseen"}));
        promise<int> seen;
        seen.set_exception(std::make_exception_ptr(std::runtime_error{"seen"}));
        static_cast<void>(seen.get_future().exception());
        promise<int> cancelled;
        static_cast<void>(cancelled.get_future().cancel());
        const promise<int> broken;
    }
    co_return;
}

}  // namespace

TEST_CASE("unretrieved exception: is told once, when the last handle goes away", "[executor]") {
    CHECK(heard_from(nobody_asks()) == std::vector<std::string>{"first: boom", "second: ...", "third: late"});
}

TEST_CASE("unretrieved exception: none where somebody looked, or the task was cancelled", "[executor]") {
    CHECK(heard_from(somebody_asks()).empty());
}

TEST_CASE("unretrieved exception: none of gather, race, task_group and wait", "[executor]") {
    CHECK(heard_from(those_who_look_at_all()).empty());
}

TEST_CASE("unretrieved exception: futures have it too, but a broken promise is no news", "[executor]") {
    CHECK(heard_from(futures()) == std::vector<std::string>{"Future: unseen"});
}
