#include "gatherd/executor/from_callback.hpp"

#include <atomic>
#include <catch2/catch.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <thread>

#include "gatherd/executor/create_task.hpp"
#include "gatherd/executor/run.hpp"
#include "gatherd/executor/sleep.hpp"
#include "gatherd/executor/stop_token.hpp"
#include "gatherd/executor/wait.hpp"

using namespace gatherd::executor;

namespace {

/// An interface of C: calls back from a thread of its own.
using c_callback = void (*)(int result, void* data);
void c_api(int n, c_callback called, void* data) {
    std::thread{[=] { called(2 * n, data); }}.detach();
}

task<int> doubled(int n) {
    const auto start = [n](callback<int> done) {
        const auto called = [](int result, void* data) {
            const std::unique_ptr<callback<int>> own{static_cast<callback<int>*>(data)};
            (*own)(result);
        };
        c_api(n, called, new callback<int>{std::move(done)});
    };
    co_return co_await from_callback<int>(start);
}

}  // namespace

TEST_CASE("from_callback: the result comes from any thread, at once or later", "[executor]") {
    const auto main = []() -> task<int> {
        const auto at_once = [](auto done) { done(std::make_unique<int>(20)); };
        const std::unique_ptr<int> own = co_await from_callback<std::unique_ptr<int>>(at_once);
        const auto nothing = [](auto done) { done(); };
        co_await from_callback(nothing);
        co_return co_await doubled(11) + *own;
    };
    CHECK(run(main()) == 42);
}

TEST_CASE("from_callback: the first call counts", "[executor]") {
    const auto main = []() -> task<std::string> {
        std::string said;
        const auto start = [&said](auto done) {
            const auto copy = done;
            said += done(1) ? 't' : 'f';
            said += copy(2) ? 't' : 'f';
            said += copy.set_exception({}) ? 't' : 'f';
        };
        const int result = co_await from_callback<int>(start);
        co_return said + std::to_string(result);
    };
    CHECK(run(main()) == "tff1");
}

TEST_CASE("from_callback: exceptions, and callbacks that are dropped, are raised", "[executor]") {
    const auto main = []() -> task<std::string> {
        std::string said;
        const auto fails = [](auto done) { done.set_exception(std::make_exception_ptr(std::runtime_error{"boom"})); };
        try {
            co_await from_callback<int>(fails);
        } catch (const std::runtime_error& e) {
            said = e.what();
        }
        const auto drops = [](auto) {};
        try {
            co_await from_callback<int>(drops);
        } catch (const broken_promise_error&) {
            said += " dropped";
        }
        const auto throws = [](auto) { throw std::runtime_error{" thrown"}; };
        try {
            co_await from_callback<int>(throws);
        } catch (const std::runtime_error& e) {
            said += e.what();
        }
        co_return said;
    };
    CHECK(run(main()) == "boom dropped thrown");
}

TEST_CASE("from_callback: a cancelled task waits for the call, which a stop callback can bring about", "[executor]") {
    std::optional<callback<int>> kept;
    const auto waits = [](std::optional<callback<int>>& k, bool stops) -> task<> {
        const std::stop_callback ends{stops ? this_stop_token() : std::stop_token{}, [&k] { (*k)(0); }};
        const auto start = [&k](auto done) { k = std::move(done); };
        co_await from_callback<int>(start);
    };
    const auto main = [&](bool stops) -> task<bool> {
        const auto waiter = create_task(waits(kept, stops));
        while (!waiter.ref()->has_waited()) {
            co_await yield();
        }
        waiter.cancel();
        if (!stops) {
            for (int i = 0; i < 10; ++i) {
                co_await yield();
            }
            if (waiter.done()) {
                co_return false;
            }
            (*kept)(1);
        }
        co_await wait(waiter.ref());
        co_return waiter.cancelled();
    };
    scheduler on{{.workers = 1}};
    CHECK(run(on, main(false)));
    CHECK(run(on, main(true)));
}
