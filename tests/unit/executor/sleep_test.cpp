#include "gatherd/executor/sleep.hpp"

#include <catch2/catch.hpp>

#include "gatherd/executor/run.hpp"

using namespace gatherd::executor;
using namespace std::chrono_literals;

namespace {

task<std::chrono::nanoseconds> measured(std::chrono::nanoseconds delay) {
    const auto begin = clock::now();
    co_await sleep(delay);
    co_return clock::now() - begin;
}

}  // namespace

TEST_CASE("sleep: never ends early", "[executor]") {
    for (const auto delay : {0ns, 100'000ns, 1'000'000ns, 7'300'000ns}) {
        CHECK(run(measured(delay)) >= delay);
    }
}

TEST_CASE("sleep: an absurd delay can be slept and cancelled", "[executor]") {
    const auto body = []() -> task<bool> {
        const auto handle = create_task([]() -> task<> { co_await sleep(std::chrono::nanoseconds::max()); }());
        co_await sleep(1ms);
        handle.cancel();
        co_await wait(handle.ref());
        co_return handle.failed();
    };
    CHECK(run(body()));
}
