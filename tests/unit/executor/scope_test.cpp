#include "executor/task_scope.hpp"

#include <atomic>
#include <catch2/catch.hpp>
#include <string>

#include "executor/gather.hpp"
#include "executor/run.hpp"
#include "executor/sleep.hpp"

using namespace gatherd::executor;
using namespace std::chrono_literals;

namespace {

task<> spawns_when_cancelled(int depth, std::atomic<int>& cancelled) {
    try {
        co_await sleep(1h);
    } catch (const cancelled_error&) {
        ++cancelled;
        if (depth > 0) {
            create_task(spawns_when_cancelled(depth - 1, cancelled));
        }
        throw;
    }
}

task<int> leaves_a_task_behind(std::atomic<int>& cancelled) {
    create_task(spawns_when_cancelled(3, cancelled));
    co_await sleep(2ms);
    co_return 1;
}

task<int> letter(std::string& out, char c) {
    out.push_back(c);
    co_await yield();
    out.push_back(static_cast<char>(c - 'a' + 'A'));
    co_return 0;
}

task<std::string> first_in_first_out() {
    std::string out;
    std::vector<task<int>> all;
    for (const char c : {'a', 'b', 'c'}) {
        all.push_back(letter(out, c));
    }
    co_await gather(std::move(all));
    co_return out;
}

}  // namespace

TEST_CASE("scope: what still runs at the end is cancelled, and what clean-up begins too", "[executor]") {
    std::atomic<int> cancelled{0};
    CHECK(run(leaves_a_task_behind(cancelled)) == 1);
    // The last ones may be cancelled before their first step, and then never run.
    CHECK(cancelled >= 1);
}

TEST_CASE("scope: a serial one runs ready tasks first in, first out", "[executor]") {
    scheduler on{{.workers = 2}};
    CHECK(run(on, first_in_first_out(), ordering::serial) == "abcABC");
}
