#include "gatherd/executor/ordered_semaphore.hpp"

#include <atomic>
#include <catch2/catch.hpp>
#include <memory>
#include <mutex>
#include <vector>

#include "gatherd/executor/create_task.hpp"
#include "gatherd/executor/run.hpp"
#include "gatherd/executor/sleep.hpp"

using namespace gatherd::executor;
using namespace std::chrono_literals;

namespace {

/// What happened, in its order, from any thread.
class record {
public:
    void add(std::size_t what) {
        const std::lock_guard guard{lock_};
        seen_.push_back(what);
    }
    [[nodiscard]] std::vector<std::size_t> seen() const {
        const std::lock_guard guard{lock_};
        return seen_;
    }

private:
    mutable std::mutex lock_;
    std::vector<std::size_t> seen_;
};

task<> inside(ordered_semaphore::place place, record& entered, std::size_t number, std::chrono::milliseconds stays) {
    co_await place.enter();
    entered.add(number);
    co_await sleep(stays);
}

}  // namespace

TEST_CASE("ordered_semaphore: the lowest place goes first, whoever comes first", "[executor]") {
    record entered;
    scheduler on{{.workers = 2}};
    run(on, [](record& seen) -> task<> {
        const auto line = std::make_shared<ordered_semaphore>(4, 1);
        std::vector<task_handle<>> tasks;
        for (const std::size_t number : {3U, 2U, 1U, 0U}) {
            tasks.push_back(create_task(inside({line, number}, seen, number, 1ms)));
            co_await sleep(1ms);  // it stands there, and is not let in
        }
        for (const auto& each : tasks) {
            co_await each;
        }
    }(entered));
    CHECK(entered.seen() == std::vector<std::size_t>{0, 1, 2, 3});
}

TEST_CASE("ordered_semaphore: a place that is given up lets the next one in", "[executor]") {
    record entered;
    scheduler on{{.workers = 2}};
    run(on, [](record& seen) -> task<> {
        const auto line = std::make_shared<ordered_semaphore>(4, 1);
        { const ordered_semaphore::place never_run{line, 0}; }
        const auto first = create_task(inside({line, 1}, seen, 1, 1h));
        const auto second = create_task(inside({line, 2}, seen, 2, 1h));
        const auto third = create_task(inside({line, 3}, seen, 3, 0ms));
        co_await sleep(1ms);
        second.cancel();  // while it waits for its turn
        co_await wait(second.ref());
        first.cancel();  // inside
        co_await third;
        CHECK(second.cancelled());
    }(entered));
    CHECK(entered.seen() == std::vector<std::size_t>{1, 3});
}

TEST_CASE("ordered_semaphore: no more than there are permits are inside at once", "[executor]") {
    std::atomic<int> now{0};
    std::atomic<int> most{0};
    scheduler on{{.workers = 2}};
    run(on, [](std::atomic<int>& count, std::atomic<int>& peak) -> task<> {
        const auto line = std::make_shared<ordered_semaphore>(100, 3);
        const auto body = [](ordered_semaphore::place place, std::atomic<int>& inside_now,
                             std::atomic<int>& most_ever) -> task<> {
            co_await place.enter();
            const int here = ++inside_now;
            for (int before = most_ever; here > before && !most_ever.compare_exchange_weak(before, here);) {
            }
            co_await yield();
            --inside_now;
        };
        std::vector<task_handle<>> tasks;
        for (std::size_t i = 0; i < 100; ++i) {
            tasks.push_back(create_task(body({line, i}, count, peak)));
        }
        for (const auto& each : tasks) {
            co_await each;
        }
    }(now, most));
    CHECK(most <= 3);
}
