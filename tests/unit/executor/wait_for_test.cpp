#include "gatherd/executor/wait_for.hpp"

#include <catch2/catch.hpp>

#include "gatherd/executor/run.hpp"
#include "gatherd/executor/sleep.hpp"

using namespace gatherd::executor;
using namespace std::chrono_literals;

namespace {

task<int> slow(std::chrono::milliseconds delay) {
    co_await sleep(delay);
    co_return 1;
}

task<int> cleans_up_slowly(bool& cleaned) {
    bool cancelled = false;
    try {
        co_await sleep(1h);
    } catch (const cancelled_error&) {
        cancelled = true;
    }
    if (cancelled) {
        co_await sleep(20ms);
        cleaned = true;
        throw cancelled_error{};
    }
    co_return 0;
}

task<int> swallows() {
    try {
        co_await sleep(1h);
    } catch (const cancelled_error&) {
    }
    co_return 5;
}

task<bool> outer_cancelled(bool& cleaned) {
    const auto handle = create_task(wait_for(cleans_up_slowly(cleaned), 1h));
    co_await sleep(5ms);
    handle.cancel();
    co_await wait(handle.ref());
    co_return handle.failed() && cleaned;
}

}  // namespace

TEST_CASE("wait_for: gives the result in time", "[executor]") {
    CHECK(run(wait_for(slow(1ms), 1h)) == 1);
}

TEST_CASE("wait_for: raises TimeoutError only after the clean-up", "[executor]") {
    bool cleaned = false;
    CHECK_THROWS_AS(run(wait_for(cleans_up_slowly(cleaned), 5ms)), timeout_error);
    CHECK(cleaned);
}

TEST_CASE("wait_for: who swallows the cancellation wins over the timeout", "[executor]") {
    CHECK(run(wait_for(swallows(), 2ms)) == 5);
}

TEST_CASE("wait_for: in no time never starts", "[executor]") {
    CHECK_THROWS_AS(run(wait_for(slow(0ms), 0ms)), timeout_error);
}

TEST_CASE("wait_for: cancelled itself, it waits for the clean-up", "[executor]") {
    bool cleaned = false;
    CHECK(run(outer_cancelled(cleaned)));
}

TEST_CASE("wait_for: the message of a cancellation comes out of it", "[executor]") {
    const auto main = []() -> task<std::string> {
        const auto waiter = create_task([]() -> task<> { co_await wait_for(slow(1h), 2h); }());
        co_await yield();
        waiter.cancel("enough");
        try {
            co_await waiter;
        } catch (const cancelled_error& error) {
            co_return error.message();
        }
        co_return "";
    };
    CHECK(run(main()) == "enough");
}
