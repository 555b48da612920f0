// The end of a run and of a scheduler, while tasks and threads are at work.
#include <atomic>
#include <catch2/catch.hpp>
#include <chrono>
#include <future>
#include <latch>
#include <memory>
#include <utility>
#include <vector>

#include "gatherd/executor/create_task.hpp"
#include "gatherd/executor/errors.hpp"
#include "gatherd/executor/event.hpp"
#include "gatherd/executor/future.hpp"
#include "gatherd/executor/gather.hpp"
#include "gatherd/executor/queue.hpp"
#include "gatherd/executor/run.hpp"
#include "gatherd/executor/scheduler.hpp"
#include "gatherd/executor/semaphore.hpp"
#include "gatherd/executor/sleep.hpp"
#include "gatherd/executor/to_thread.hpp"
#include "gatherd/executor/wait.hpp"
#include "gatherd/executor/wait_for.hpp"

using namespace gatherd::executor;
using namespace std::chrono_literals;

namespace {

/// What the tasks wait for: it never comes.
struct never {
    explicit never(std::shared_future<void> of_threads) : released{std::move(of_threads)} {}

    event set;
    semaphore permits{0};
    queue<int> items;
    promise<int> result;
    std::shared_future<void> released;
};

struct tally {
    std::atomic<int> begun{0};
    std::atomic<int> cancelled{0};
    std::atomic<int> cleaned_up{0};
    std::atomic<int> ended{0};
};

/// Tells the end of a coroutine, whatever it is.
struct end_counter {
    explicit end_counter(tally& where) noexcept : of{where} {}
    end_counter(const end_counter&) = delete;
    end_counter& operator=(const end_counter&) = delete;
    ~end_counter() { ++of.ended; }
    tally& of;
};

task<int> an_hour() {
    co_await sleep(1h);
    co_return 0;
}

task<int> waits_in_some_way(int way, never& what) {
    switch (way) {
        case 0:
            co_await sleep(1h);
            break;
        case 1:
            co_await what.set.wait();
            break;
        case 2:
            static_cast<void>(co_await what.permits.acquire());
            break;
        case 3:
            co_await what.items.get();
            break;
        case 4:
            co_await what.result.get_future();
            break;
        case 5: {
            const auto other = create_task(an_hour());
            co_await other;
            break;
        }
        case 6: {
            std::vector<task<int>> children;
            children.push_back(an_hour());
            children.push_back(an_hour());
            co_await gather(std::move(children));
            break;
        }
        case 7:
            co_await wait_for(an_hour(), 2h);
            break;
        case 8: {
            auto body = [released = what.released] { released.wait(); };
            co_await to_thread_unjoined(std::move(body));
            break;
        }
        default:
            for (;;) {
                co_await yield();
            }
    }
    co_return 0;
}
constexpr int ways = 10;

task<> waits_and_cleans_up(int way, never& what, tally& of) {
    ++of.begun;
    const end_counter at_the_end{of};
    bool is_cancelled = false;
    try {
        co_await waits_in_some_way(way, what);
    } catch (const cancelled_error&) {
        is_cancelled = true;
        ++of.cancelled;
    }
    if (is_cancelled) {
        co_await sleep(1ms);  // clean-up may wait
        ++of.cleaned_up;
        throw cancelled_error{};
    }
}

task<> leaves_all_behind(int each_way, never& what, tally& of) {
    for (int i = 0; i < each_way * ways; ++i) {
        create_task(waits_and_cleans_up(i % ways, what, of));
    }
    while (of.begun < each_way * ways) {
        co_await sleep(1ms);
    }
}

task<> blocks(std::latch& both_in_a_call, std::shared_future<void> released, std::atomic<int>& ran) {
    auto body = [&both_in_a_call, &ran, released] {
        ++ran;
        both_in_a_call.count_down();
        released.wait();
    };
    co_await to_thread_unjoined(std::move(body));
}

/// Fills both threads of a lane, and has more calls stand in line behind them.
task<> leaves_calls_behind(std::latch& both_in_a_call, std::shared_future<void> released, std::atomic<int>& ran) {
    std::vector<task_handle<>> all;
    for (int i = 0; i < 10; ++i) {
        all.push_back(create_task(blocks(both_in_a_call, released, ran)));
    }
    for (const auto& each : all) {
        co_await each;
    }
}

task<> cancels_the_calls(std::latch& both_in_a_call, std::shared_future<void> released, std::atomic<int>& ran) {
    const auto whole = create_task(leaves_calls_behind(both_in_a_call, released, ran));
    while (!both_in_a_call.try_wait()) {
        co_await sleep(1ms);
    }
    whole.cancel();
    co_await whole;
}

task<> leaves_at_once(never& what, tally& of) {
    for (int way = 0; way < ways; ++way) {
        create_task(waits_and_cleans_up(way, what, of));
    }
    co_return;  // some may have begun by now
}

task<> awaits(task_handle<int> other, tally& of) {
    try {
        co_await other;
    } catch (const cancelled_error&) {
        ++of.cancelled;
    }
    co_await sleep(1ms);
    ++of.cleaned_up;
}

/// One that is awaited comes first, who awaits it last, and in between so many that it ends meanwhile.
task<> cancels_as_one(tally& of) {
    const auto other = create_task(an_hour());
    std::vector<task_ref> all{other.ref()};
    for (int i = 0; i < 2000; ++i) {
        all.push_back(create_task(an_hour()).ref());
    }
    all.push_back(create_task(awaits(other, of)).ref());
    while (!all.front()->has_waited() || !all.back()->has_waited()) {
        co_await sleep(1ms);
    }
    task_state::cancel_each(all, {});
    co_await wait(all, return_when::all_completed);
}

}  // namespace

TEST_CASE("cancel_each: who awaits one of them that ends by it is not interrupted once more", "[executor]") {
    scheduler on{{.workers = 3}};
    tally of;
    for (int i = 0; i < 20; ++i) {
        run(on, cancels_as_one(of));
    }
    CHECK(of.cancelled == 20);
    CHECK(of.cleaned_up == 20);
}

TEST_CASE("stop: whatever a task waits for, the end of the run cancels it and waits for its clean-up", "[executor]") {
    constexpr int each_way = 6;
    std::promise<void> release;
    tally of;
    {
        never what{release.get_future().share()};
        scheduler on{{.workers = 3}};
        run(on, leaves_all_behind(each_way, what, of));
        CHECK(of.begun == each_way * ways);
        CHECK(of.cancelled == each_way * ways);
        CHECK(of.cleaned_up == each_way * ways);
        CHECK(of.ended == each_way * ways);
    }  // the scheduler ends while threads of its lane are in the middle of a call
    release.set_value();
}

TEST_CASE("stop: of the blocking lane's work, what has begun ends for nobody, and what stands in line never runs",
          "[executor]") {
    auto release = std::make_unique<std::promise<void>>();
    std::latch both_in_a_call{2};
    std::atomic<int> ran{0};
    {
        scheduler on{{.workers = 2, .blocking_threads = 2}};
        CHECK_THROWS_AS(run(on, cancels_the_calls(both_in_a_call, release->get_future().share(), ran)),
                        cancelled_error);
        CHECK(ran == 2);
    }
    release->set_value();
    release.reset();  // what the threads still hold of it is theirs
    CHECK(ran == 2);
}

TEST_CASE("stop: schedulers that end at any moment of their work leave nothing behind", "[executor]") {
    for (int i = 0; i < 200; ++i) {
        std::promise<void> release;
        tally of;
        never what{release.get_future().share()};
        scheduler on{{.workers = 2}};
        run(on, leaves_at_once(what, of));
        CHECK(of.ended == of.begun);
        CHECK(of.cancelled == of.begun);
        release.set_value();
    }
}
