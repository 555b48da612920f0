// One request to cancel, at a random moment, to a task or to a whole scope, on three workers: whatever its tasks run or
// wait for then, each hears of the request once, and its clean-up is not interrupted by what it was about.
#include <atomic>
#include <catch2/catch.hpp>
#include <chrono>
#include <cstdint>
#include <exception>
#include <random>
#include <utility>
#include <vector>

#include "executor/src/cancellation_walk.hpp"
#include "gatherd/executor/create_task.hpp"
#include "gatherd/executor/errors.hpp"
#include "gatherd/executor/future.hpp"
#include "gatherd/executor/gather.hpp"
#include "gatherd/executor/shield.hpp"
#include "gatherd/executor/task_scope.hpp"
#include "tests/stress/harassed.hpp"

using namespace gatherd::executor;

namespace {

constexpr int rounds = 2000;  // one in a hundred shows a second error without the numbers

struct tally {
    std::atomic<long> alive{0};
    std::atomic<long> cancelled{0};  // tasks that heard of a request
    std::atomic<long> again{0};      // and that heard of it once more, in their clean-up
};

unsigned draw(std::mt19937& from) {
    return static_cast<unsigned>(from());
}

/// Up to some microseconds in which the task runs, and can only be asked.
void stay_busy(std::mt19937& random) {
    const auto until = clock::now() + std::chrono::nanoseconds{draw(random) % 4000};
    while (clock::now() < until) {
    }
}

task<int> victim(int depth, unsigned seed, tally& of);

std::vector<task<int>> some(int depth, std::mt19937& random, tally& of) {
    std::vector<task<int>> all;
    for (unsigned i = 0, count = 1 + draw(random) % 3; i < count; ++i) {
        all.push_back(victim(depth - 1, draw(random), of));
    }
    return all;
}

task<int> awaits(task_handle<int> other, unsigned seed) {
    std::mt19937 random{seed};
    stay_busy(random);
    co_return co_await other;
}

task<int> awaits_future(future<int> other, unsigned seed) {
    std::mt19937 random{seed};
    stay_busy(random);
    co_return co_await other;
}

/// The promise is shared with who waits: if this is cancelled before it starts, it breaks no promise. A failure would
/// be another reason to cancel siblings than the request is.
task<> sets(std::shared_ptr<promise<int>> result, unsigned seed) {
    std::mt19937 random{seed};
    co_await pause(random);
    stay_busy(random);
    static_cast<void>(result->try_set_result(1));
}

task<> waits_in_some_way(int depth, std::mt19937& random, tally& of) {
    switch (depth == 0 ? 0 : draw(random) % 7) {
        case 0:
            co_await pause(random);
            break;
        case 1: {
            const auto child = create_task(victim(depth - 1, draw(random), of));
            stay_busy(random);
            co_await child;
            break;
        }
        case 2:
            co_await gather(some(depth, random, of));
            break;
        case 3:
            co_await gather(victim(depth - 1, draw(random), of), victim(depth - 1, draw(random), of));
            break;
        case 4:
            co_await gather_exceptions(some(depth, random, of));
            break;
        case 5: {  // two wait for one
            const auto child = create_task(victim(depth - 1, draw(random), of));
            std::vector<task<int>> both;
            both.push_back(awaits(child, draw(random)));
            both.push_back(awaits(child, draw(random)));
            co_await gather(std::move(both));
            break;
        }
        default: {
            const auto result = std::make_shared<promise<int>>();
            const future<int> to_come = result->get_future();
            create_task(sets(result, draw(random)));
            const auto other = create_task(awaits_future(to_come, draw(random)));
            other.ignore_exception();
            stay_busy(random);
            co_await to_come;
            stay_busy(random);
            co_await other;
            break;
        }
    }
}

/// Lives as long as a task's body.
struct presence {
    explicit presence(tally& where) noexcept : of{where} { ++of.alive; }
    presence(const presence&) = delete;
    presence& operator=(const presence&) = delete;
    ~presence() { --of.alive; }
    tally& of;
};

/// Clean-up that waits, but for nothing that a request could be passed on to.
task<> cleans_up(tally& of) {
    ++of.cancelled;
    for (int i = 0; i < 3; ++i) {
        try {
            co_await sleep(std::chrono::microseconds{10});
            co_await yield();
        } catch (const cancelled_error&) {
            ++of.again;
        }
    }
}

task<int> victim(int depth, unsigned seed, tally& of) {
    const presence here{of};
    std::mt19937 random{seed};
    std::exception_ptr cancellation;
    try {
        for (int i = 0; i < 2; ++i) {
            stay_busy(random);
            co_await waits_in_some_way(depth, random, of);
        }
    } catch (const cancelled_error&) {
        cancellation = std::current_exception();
    }
    if (cancellation) {
        co_await cleans_up(of);
        if (random() % 4 != 0) {
            std::rethrow_exception(cancellation);
        }
    }
    co_return 1;
}

enum class request { to_one, to_all };

task<> asks(task_handle<int> whom, request what, unsigned seed) {
    std::mt19937 random{seed};
    const auto until = clock::now() + std::chrono::nanoseconds{random() % 60'000};
    while (clock::now() < until) {
    }
    if (what == request::to_one) {
        whom.cancel();
    } else {
        task_state::current().scope().cancel_all();
    }
    co_return;
}

/// Leaves nothing behind that the end of the run would ask once more.
task<> round_of(request what, unsigned seed, tally& of) {
    std::mt19937 random{seed};
    const auto whole = create_task(victim(3, draw(random), of));
    whole.ignore_exception();
    const auto asking = create_task(asks(whole, what, draw(random)));
    asking.ignore_exception();
    int heard = 0;
    while (!whole.done() || !asking.done() || of.alive != 0) {
        try {
            co_await sleep(std::chrono::microseconds{20});
        } catch (const cancelled_error&) {
            ++heard;
        }
    }
    of.again += heard > 1 ? heard - 1 : 0;
}

tally heard_of(request what, unsigned seed) {
    scheduler on{{.workers = 3}};
    std::mt19937 random{seed};
    tally of;
    for (int i = 0; i < rounds; ++i) {
        try {
            run(on, round_of(what, draw(random), of));
        } catch (const cancelled_error&) {  // it was asked in its last step
        }
    }
    return {of.alive.load(), of.cancelled.load(), of.again.load()};
}

void check_that_it_is_heard_once(request what) {
    const auto seed = std::random_device{}();
    CAPTURE(seed);
    const tally of = heard_of(what, seed);
    CHECK(of.cancelled > rounds / 10);
    CHECK(of.again == 0);
}

/// One of so many that a request reaches them in pieces; it may end by itself before.
task<int> one_of_many(unsigned seed, tally& of) {
    std::mt19937 random{seed};
    ++of.alive;
    bool has_heard = false;
    try {
        co_await sleep(std::chrono::microseconds{1 + random() % 20'000});
    } catch (const cancelled_error&) {
        has_heard = true;
        ++of.cancelled;
    }
    try {
        if (has_heard) {
            co_await sleep(std::chrono::microseconds{random() % 3'000});
        }
    } catch (const cancelled_error&) {
        ++of.again;
    }
    --of.alive;
    co_return 0;
}

/// Many in two gathers, which one task awaits and one request reaches.
task<> round_of_many(unsigned seed, tally& of) {
    constexpr std::size_t many = 3 * cancellation_walk::piece;
    std::mt19937 random{seed};
    std::vector<task<std::vector<int>>> both;
    for (int i = 0; i < 2; ++i) {
        std::vector<task<int>> all;
        for (std::size_t j = 0; j < many; ++j) {
            all.push_back(one_of_many(draw(random), of));
        }
        both.push_back(gather(std::move(all)));
    }
    const auto whole = create_task(gather(std::move(both)));
    whole.ignore_exception();
    co_await sleep(std::chrono::microseconds{random() % 20'000});
    whole.cancel();
    while (!whole.done() || of.alive != 0) {
        co_await sleep(std::chrono::microseconds{50});
    }
}

}  // namespace

TEST_CASE("cancel: each of thousands hears of a request once, while others of them end", "[stress]") {
    const auto seed = std::random_device{}();
    CAPTURE(seed);
    std::mt19937 random{seed};
    tally of;
    for (int i = 0; i < 40; ++i) {
        scheduler on{{.workers = 3}};
        run(on, round_of_many(draw(random), of), i % 4 == 0 ? ordering::serial : ordering::parallel);
    }
    CHECK(of.alive == 0);
    CHECK(of.cancelled > 0);
    CHECK(of.again == 0);
}

TEST_CASE("cancel: a task and all that it awaits hear of one request once, whatever they do meanwhile", "[stress]") {
    check_that_it_is_heard_once(request::to_one);
}

TEST_CASE("cancel_all: each task of a scope hears of one request once, whatever they await of each other", "[stress]") {
    check_that_it_is_heard_once(request::to_all);
}
