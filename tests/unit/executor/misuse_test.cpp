#include "gatherd/executor/detail/misuse.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <concepts>
#include <csignal>
#include <functional>
#include <string>

#include "gatherd/executor/async_scope.hpp"
#include "gatherd/executor/condition.hpp"
#include "gatherd/executor/create_task.hpp"
#include "gatherd/executor/event.hpp"
#include "gatherd/executor/mutex.hpp"
#include "gatherd/executor/run.hpp"
#include "gatherd/executor/scheduler.hpp"
#include "gatherd/executor/sleep.hpp"
#include "tests/unit/executor/serially.hpp"

using namespace gatherd::executor;

namespace {

/// What a process that does this writes to stderr before it aborts; or "lives".
std::string last_words(const std::function<void()>& crime) {
    int ends[2];
    REQUIRE(pipe(ends) == 0);
    const pid_t child = fork();
    if (child == 0) {
        std::signal(SIGABRT, SIG_DFL);  // not Catch2's
        dup2(ends[1], STDERR_FILENO);
        crime();
        _exit(0);
    }
    close(ends[1]);
    std::string said;
    char buffer[256];
    for (ssize_t got = 0; (got = read(ends[0], buffer, sizeof buffer)) > 0;) {
        said.append(buffer, static_cast<std::size_t>(got));
    }
    close(ends[0]);
    int status = 0;
    waitpid(child, &status, 0);
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT ? said.substr(0, said.find('\n')) : "lives";
}

task<int> number() {
    co_return 1;
}

task<> awaits_twice() {
    auto once = number();
    co_await std::move(once);
    co_await std::move(once);
}

task<> starts_what_was_started() {
    auto once = number();
    create_task(std::move(once));
    create_task(std::move(once));
    co_return;
}

task<> waits(mutex& lock, condition& awaited) {
    const auto guard = co_await lock.lock();
    co_await awaited.wait();
}

task<> destroys_under_a_waiter() {
    mutex lock;
    condition awaited{lock};
    create_task(waits(lock, awaited));
    co_await yield();
}

task<> destroys_an_open_scope() {
    async_scope scope{*scheduler::current()};
    co_return;
}

task<> gives_back_twice() {
    mutex lock;
    const auto guard = co_await lock.lock();
    lock.unlock();
}

template <typename Task>
concept awaitable = requires(Task&& t) {
    std::forward<Task>(t).operator co_await();
};

static_assert(awaitable<task<int>>);
static_assert(!awaitable<task<int>&>, "a coroutine runs once: it is awaited as an rvalue");
static_assert(!std::copyable<task<int>>);

}  // namespace

TEST_CASE("misuse: awaiting or starting a coroutine twice ends the program", "[executor]") {
    constexpr auto rule = "gatherd::executor: a coroutine is awaited or made a task once";
    CHECK(last_words([] { run(awaits_twice()); }) == rule);
    CHECK(last_words([] { run(starts_what_was_started()); }) == rule);
}

TEST_CASE("misuse: waiting outside a task ends the program", "[executor]") {
    constexpr auto rule = "gatherd::executor: only inside a task";
    CHECK(last_words([] { create_task(number()); }) == rule);
}

TEST_CASE("misuse: destroying a condition that a task waits for ends the program", "[executor]") {
    CHECK(last_words([] { serially(destroys_under_a_waiter()); }) ==
          "gatherd::executor: a condition is destroyed while a task waits for it");
}

TEST_CASE("misuse: a guard of a mutex that another has unlocked ends the program", "[executor]") {
    CHECK(last_words([] { run(gives_back_twice()); }) ==
          "gatherd::executor: a permit is given back that was given back by another");
}

TEST_CASE("misuse: a worker that destroys an async_scope which was not joined ends the program", "[executor]") {
    CHECK(last_words([] { run(destroys_an_open_scope()); }) ==
          "gatherd::executor: an async_scope is joined before a worker destroys it");
}
