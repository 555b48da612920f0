#include "gatherd/executor/run.hpp"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <csignal>
#include <functional>
#include <stdexcept>
#include <string>

#include "gatherd/executor/sleep.hpp"
#include "gatherd/executor/to_thread.hpp"

using namespace gatherd::executor;
using namespace std::chrono_literals;

namespace {

task<int> one() {
    co_return 1;
}

std::string refusal(const std::function<int()>& runs) {
    try {
        return std::to_string(runs());
    } catch (const std::logic_error& e) {
        return e.what();
    }
}

/// SIGINT comes when this task waits.
task<> interrupts() {
    co_await yield();
    ::kill(::getpid(), SIGINT);
}

enum class reaction { unwinds, swallows, fails };

task<int> is_interrupted(reaction how) {
    const auto interrupter = create_task(interrupts());
    std::exception_ptr cancelled;
    try {
        co_await sleep(1h);
    } catch (const cancelled_error&) {
        cancelled = std::current_exception();
    }
    co_await sleep(1ms);  // clean-up waits
    co_await wait(interrupter.ref());
    switch (how) {
        case reaction::unwinds:
            std::rethrow_exception(cancelled);
        case reaction::fails:
            throw std::runtime_error{"clean-up failed"};
        default:
            co_return 5;
    }
}

volatile std::sig_atomic_t former_calls = 0;
extern "C" void former_handler(int) {
    former_calls = former_calls + 1;
}

/// The status of a child process that does this.
int status_of(const std::function<int()>& body) {
    const pid_t child = fork();
    if (child == 0) {
        _exit(body());
    }
    int status = 0;
    waitpid(child, &status, 0);
    return status;
}

constexpr run_options with_sigint{.handle_sigint = true};

}  // namespace

TEST_CASE("run: on a worker it is refused, as asyncio.run is in a running loop", "[executor]") {
    const auto main = [](bool on_the_same) -> task<std::string> {
        co_return refusal([on_the_same] { return on_the_same ? run(*scheduler::current(), one()) : run(one()); });
    };
    scheduler single{{.workers = 1}};
    scheduler both{{.workers = 2}};
    const std::string rule = "run() cannot be called from a running event loop: await the coroutine";
    CHECK(run(single, main(true)) == rule);
    CHECK(run(both, main(true)) == rule);
    CHECK(run(single, main(false)) == rule);
}

TEST_CASE("run: a thread of to_thread may call it", "[executor]") {
    const auto main = []() -> task<int> {
        const auto body = [] { return run(one()); };
        co_return co_await to_thread(body);
    };
    CHECK(run(main()) == 1);
}

TEST_CASE("run: SIGINT cancels the main task, and is raised when that has cleaned up", "[executor]") {
    CHECK_THROWS_AS(run(is_interrupted(reaction::unwinds), with_sigint), keyboard_interrupt);
    CHECK(run(is_interrupted(reaction::swallows), with_sigint) == 5);
    CHECK_THROWS_WITH(run(is_interrupted(reaction::fails), with_sigint), "clean-up failed");
}

TEST_CASE("run: the former handler of SIGINT is back after the first signal and after the run", "[executor]") {
    struct sigaction ours {};
    struct sigaction before {};
    ours.sa_handler = &former_handler;
    sigaction(SIGINT, &ours, &before);
    former_calls = 0;
    CHECK(run(one(), with_sigint) == 1);
    std::raise(SIGINT);
    CHECK(former_calls == 1);
    const auto twice = []() -> task<int> {
        try {
            co_await is_interrupted(reaction::unwinds);
        } catch (const cancelled_error&) {
            ::kill(::getpid(), SIGINT);
            throw;
        }
        co_return 0;
    };
    CHECK_THROWS_AS(run(twice(), with_sigint), keyboard_interrupt);
    CHECK(former_calls == 2);
    sigaction(SIGINT, &before, nullptr);
}

TEST_CASE("run: a second SIGINT during clean-up ends the process", "[executor]") {
    const int status = status_of([] {
        std::signal(SIGINT, SIG_DFL);
        const auto stubborn = []() -> task<> {
            create_task(interrupts());
            try {
                co_await sleep(1h);
            } catch (const cancelled_error&) {
                ::kill(::getpid(), SIGINT);
            }
            co_await sleep(1h);
        };
        run(stubborn(), with_sigint);
        return 0;
    });
    CHECK(WIFSIGNALED(status));
    CHECK(WTERMSIG(status) == SIGINT);
}

TEST_CASE("run: one at a time handles SIGINT", "[executor]") {
    const auto main = []() -> task<std::string> {
        const auto body = [] { return refusal([] { return run(one(), with_sigint); }); };
        co_return co_await to_thread(body);
    };
    CHECK(run(main(), with_sigint) == "another run() handles SIGINT");
    CHECK(run(one(), with_sigint) == 1);
}
