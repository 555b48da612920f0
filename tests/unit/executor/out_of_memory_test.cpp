// What happens when operator new fails: a program of its own, since it replaces operator new. Under the sanitizers
// every frame and control block comes from there; otherwise the slabs that they are carved from do.
#include <atomic>
#include <catch2/catch.hpp>
#include <chrono>
#include <cstddef>
#include <cstdlib>
#include <new>
#include <string>
#include <vector>

#include "gatherd/executor/cancel_and_wait.hpp"
#include "gatherd/executor/create_task.hpp"
#include "gatherd/executor/exception_group.hpp"
#include "gatherd/executor/future.hpp"
#include "gatherd/executor/gather.hpp"
#include "gatherd/executor/queue.hpp"
#include "gatherd/executor/run.hpp"
#include "gatherd/executor/sleep.hpp"
#include "gatherd/executor/task_group.hpp"
#include "gatherd/executor/timeout.hpp"
#include "gatherd/executor/timer.hpp"
#include "gatherd/executor/to_thread.hpp"
#include "gatherd/executor/wait.hpp"
#include "gatherd/executor/wait_for.hpp"

namespace {

/// Which calls of operator new fail, on any thread, counted from the time when this was set.
class failures {
public:
    void begin(long first, long count) noexcept {
        end_ = first + count;
        made_ = 0;
        first_ = first;
    }
    void end() noexcept { first_ = never; }

    /// Whether the first of them has been reached.
    [[nodiscard]] bool reached(long first) const noexcept { return made_ >= first; }

    [[nodiscard]] bool fails() noexcept {
        if (first_ == never) {
            return false;
        }
        const long number = ++made_;
        return number >= first_ && number < end_;
    }

private:
    static constexpr long never = -1;
    std::atomic<long> first_{never};
    std::atomic<long> end_{0};
    std::atomic<long> made_{0};
};

constinit failures failing;

void* allocate(std::size_t size, std::size_t alignment) {
    const std::size_t rounded = (size + alignment - 1) / alignment * alignment;
    void* const made = failing.fails() ? nullptr : std::aligned_alloc(alignment, rounded == 0 ? alignment : rounded);
    if (made == nullptr) {
        throw std::bad_alloc{};
    }
    return made;
}

}  // namespace

[[gnu::noinline]] void* operator new(std::size_t size) {
    return allocate(size, alignof(std::max_align_t));
}
[[gnu::noinline]] void* operator new(std::size_t size, std::align_val_t alignment) {
    return allocate(size, static_cast<std::size_t>(alignment));
}
[[gnu::noinline]] void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
    try {
        return allocate(size, alignof(std::max_align_t));
    } catch (const std::bad_alloc&) {
        return nullptr;
    }
}
[[gnu::noinline]] void operator delete(void* given, const std::nothrow_t&) noexcept {
    std::free(given);
}
[[gnu::noinline]] void operator delete(void* given) noexcept {
    std::free(given);
}
[[gnu::noinline]] void operator delete(void* given, std::size_t) noexcept {
    std::free(given);
}
[[gnu::noinline]] void operator delete(void* given, std::align_val_t) noexcept {
    std::free(given);
}
[[gnu::noinline]] void operator delete(void* given, std::size_t, std::align_val_t) noexcept {
    std::free(given);
}

namespace {

using namespace gatherd::executor;
using namespace std::chrono_literals;

const std::string reason = "a message that no small string holds inside of itself";

/// Each coroutine has one, so that none is lost.
struct counted {
    counted() { ++alive; }
    counted(const counted&) = delete;
    counted& operator=(const counted&) = delete;
    ~counted() { --alive; }

    static inline std::atomic<int> alive{0};
};

task<> sleeps(std::chrono::milliseconds delay) {
    const counted self;
    co_await sleep(delay);
}

task<int> after_a_yield(int n) {
    const counted self;
    co_await yield();
    co_return n;
}

task<> awaits(task_handle<> other) {
    const counted self;
    co_await other;
}

task<> cancels_half_of_a_group() {
    const counted self;
    const auto body = [](task_group& group) -> task<> {
        std::vector<task_handle<>> all;
        for (int i = 0; i < 50; ++i) {
            all.push_back(group.create_task(sleeps(i % 2 == 0 ? 1h : 0ms), "a name that is longer than sixteen"));
        }
        for (std::size_t i = 0; i < all.size(); i += 2) {
            all[i].cancel(reason);
        }
        co_return;
    };
    co_await with_task_group(body);
}

/// A cancellation that goes down a chain of tasks, and what it raises at the end.
task<> cancels_a_chain() {
    const counted self;
    task_handle<> last = create_task(sleeps(1h));
    for (int i = 0; i < 20; ++i) {
        last = create_task(awaits(last));
    }
    co_await yield();
    std::vector<task_ref> one(1, last.ref());
    co_await cancel_and_wait(std::move(one));
}

task<> gathers() {
    const counted self;
    std::vector<task<int>> all;
    for (int i = 0; i < 20; ++i) {
        all.push_back(after_a_yield(i));
    }
    int sum = 0;
    for (const int each : co_await gather(std::move(all))) {
        sum += each;
    }
    if (sum != 190) {
        throw std::logic_error{"gather"};
    }
}

task<> puts(queue<int>& items) {
    const counted self;
    for (int i = 0; i < 100; ++i) {
        co_await items.put(i);
    }
}

task<> takes(queue<int>& items) {
    const counted self;
    for (int i = 0; i < 100; ++i) {
        static_cast<void>(co_await items.get());
    }
}

task<> hands_over() {
    const counted self;
    queue<int> items{3};
    const auto body = [&items](task_group& group) -> task<> {
        group.create_task(puts(items));
        group.create_task(takes(items));
        co_return;
    };
    co_await with_task_group(body);
}

task<> limits_time() {
    const counted self;
    const auto body = [](timeout_scope&) -> task<> { co_await sleep(1h); };
    try {
        co_await timeout(1ms, body);
    } catch (const timeout_error&) {
    }
    static_cast<void>(co_await wait_for(after_a_yield(1), 1h));
    const auto slow = create_task(sleeps(1h));
    std::vector<task_ref> waited(1, slow.ref());
    co_await wait(std::move(waited), return_when::all_completed, 1ms);
    slow.cancel(reason);
}

task<> calls_a_thread() {
    const counted self;
    const auto call = [] { return std::string(100, 'x').size(); };
    const std::size_t size = co_await to_thread(call);
    if (size != 100) {
        throw std::logic_error{"to_thread"};
    }
}

task<> awaits_a_promise() {
    const counted self;
    promise<int> result;
    const future<int> to_come = result.get_future();
    result.set_result(1);
    static_cast<void>(co_await to_come);
}

task<> leaves_tasks_behind() {
    const counted self;
    for (int i = 0; i < 50; ++i) {
        create_task(sleeps(1h));
    }
    co_return;
}

using scenario = task<> (*)();

bool is_memory_error(const std::exception& e) {
    if (const auto* const group = dynamic_cast<const exception_group*>(&e)) {
        return !group->exceptions().empty();
    }
    return dynamic_cast<const std::bad_alloc*>(&e) != nullptr ||
           std::string{e.what()} == "can't start new thread";  // to_thread says so
}

/// Runs it again and again, and each time another call of operator new fails, with as many after it as `count` says.
void fail_each_in_turn(scenario runs, ordering order, long count) {
    scheduler on{{.workers = 2}};
    run(on, runs());  // what is made once is there
    bool reached = true;
    for (long first = 1; reached; ++first) {
        INFO("failing from allocation " << first);
        std::string other;
        failing.begin(first, count);
        try {
            run(on, runs(), order);
        } catch (const std::exception& e) {
            failing.end();
            other = is_memory_error(e) ? "" : e.what();
        }
        failing.end();
        CHECK(other.empty());
        reached = failing.reached(first);
        REQUIRE(counted::alive == 0);
    }
}

}  // namespace

TEST_CASE("out of memory: a scenario ends right, or raises std::bad_alloc, and leaves nothing", "[executor]") {
    const auto runs = GENERATE(as<scenario>{}, cancels_half_of_a_group, cancels_a_chain, gathers, hands_over,
                               limits_time, calls_a_thread, awaits_a_promise, leaves_tasks_behind);
    const auto order = GENERATE(ordering::parallel, ordering::serial);
    SECTION("one allocation fails") {
        fail_each_in_turn(runs, order, 1);
    }
    SECTION("ten in a row fail") {
        fail_each_in_turn(runs, order, 10);
    }
    SECTION("all fail from then on") {
        fail_each_in_turn(runs, order, 1'000'000'000);
    }
}
