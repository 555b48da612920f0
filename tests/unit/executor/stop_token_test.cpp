#include "gatherd/executor/stop_token.hpp"

#include <atomic>
#include <catch2/catch.hpp>
#include <memory>
#include <stop_token>
#include <thread>

#include "gatherd/executor/run.hpp"
#include "gatherd/executor/sleep.hpp"
#include "gatherd/executor/timeout.hpp"
#include "gatherd/executor/to_thread.hpp"
#include "gatherd/executor/wait.hpp"

using namespace gatherd::executor;
using namespace std::chrono_literals;

TEST_CASE("this_stop_token: a cancel stops code that polls, on a thread or in a step", "[executor]") {
    const auto polls_on_a_thread = [](std::atomic<bool>& begun, std::atomic<bool>& ended) -> task<> {
        const auto body = [token = this_stop_token(), &begun, &ended] {
            begun = true;
            while (!token.stop_requested()) {
                std::this_thread::yield();
            }
            ended = true;
        };
        co_await to_thread(body);
    };
    const auto polls_in_its_step = [](std::atomic<bool>& begun, std::atomic<bool>& ended) -> task<> {
        const auto token = this_stop_token();
        begun = true;
        while (!token.stop_requested()) {
        }
        ended = true;
        co_return;
    };
    for (const bool on_a_thread : {true, false}) {
        std::atomic<bool> begun{false};
        std::atomic<bool> ended{false};
        scheduler on{{.workers = 2}};
        const auto main = [&](bool thread) -> task<bool> {
            const auto polling =
                create_task(thread ? polls_on_a_thread(begun, ended) : polls_in_its_step(begun, ended));
            while (!begun) {
                co_await yield();
            }
            polling.cancel();
            co_await wait(polling.ref());
            while (!ended) {
                co_await yield();
            }
            co_return polling.cancelled();
        };
        CHECK(run(on, main(on_a_thread)));
    }
}

TEST_CASE("this_stop_token: callbacks run in the thread that cancels, before cancel returns", "[executor]") {
    const auto waits = [](std::thread::id& called_in) -> task<> {
        const std::stop_callback notes{this_stop_token(), [&called_in] { called_in = std::this_thread::get_id(); }};
        co_await sleep(1h);
    };
    const auto main = [waits]() -> task<bool> {
        std::thread::id called_in;
        const auto waiter = create_task(waits(called_in));
        while (!waiter.ref()->has_waited()) {
            co_await yield();
        }
        const auto here = std::this_thread::get_id();
        waiter.cancel();
        const bool was_here = called_in == here;
        co_await wait(waiter.ref());
        co_return was_here;
    };
    scheduler single{{.workers = 1}};
    CHECK(run(single, main()));
}

TEST_CASE("this_stop_token: it is stopped while a request counts, and a new one comes after uncancel", "[executor]") {
    const auto main = []() -> task<std::string> {
        std::string said;
        const auto tells = [&said](const std::stop_token& token) { said += token.stop_requested() ? 's' : 'r'; };
        const auto first = this_stop_token();
        tells(first);
        task_state::current().cancel();
        tells(first);
        tells(this_stop_token());
        task_state::current().uncancel();
        tells(first);
        tells(this_stop_token());
        co_return said + (this_stop_token() == this_stop_token() ? "=" : "!");
    };
    CHECK(run(main()) == "rsssr=");
}

TEST_CASE("this_stop_token: a time limit stops it", "[executor]") {
    const auto main = []() -> task<bool> {
        std::stop_token inside;
        const auto body = [&inside](timeout_scope&) -> task<> {
            inside = this_stop_token();
            co_await sleep(1h);
        };
        try {
            co_await timeout(1ms, body);
        } catch (const timeout_error&) {
            co_return inside.stop_requested() && !this_stop_token().stop_requested();
        }
        co_return false;
    };
    CHECK(run(main()));
}

namespace {

task<std::unique_ptr<int>> owns(int value) {
    co_return std::make_unique<int>(value);
}

task<> waits_for_ever() {
    co_await sleep(1h);
}

}  // namespace

TEST_CASE("cancel_on: a stop cancels the coroutine, and not who awaits it", "[executor]") {
    std::stop_source source;
    const auto main = [](std::stop_source& stop) -> task<std::string> {
        std::string said;
        said += *co_await cancel_on(stop.get_token(), owns(1)) == 1 ? "1" : "?";
        const auto stopper = create_task([](std::stop_source& s) -> task<> {
            co_await yield();
            s.request_stop();
        }(stop));
        for (int i = 0; i < 2; ++i) {  // the second time it is stopped before
            try {
                co_await cancel_on(stop.get_token(), waits_for_ever());
            } catch (const cancelled_error&) {
                said += 'c';
            }
        }
        co_await stopper;
        co_return said + std::to_string(task_state::current().cancelling());
    };
    CHECK(run(main(source)) == "1cc0");
}

TEST_CASE("cancel_on: a cancellation of who awaits reaches the coroutine", "[executor]") {
    std::stop_source source;
    const auto main = [](std::stop_source& stop) -> task<bool> {
        const auto outer = create_task(cancel_on(stop.get_token(), waits_for_ever()));
        while (!outer.ref()->has_waited()) {
            co_await yield();
        }
        outer.cancel();
        co_await wait(outer.ref());
        co_return outer.cancelled();
    };
    CHECK(run(main(source)));
}
