// A million of everything (under sanitizers, which are slow, a tenth of that): nothing here may take stack by the
// length of a chain, neither to run nor to end.
#include <atomic>
#include <catch2/catch.hpp>
#include <chrono>
#include <cstddef>
#include <stdexcept>
#include <utility>
#include <vector>

#include "gatherd/executor/create_task.hpp"
#include "gatherd/executor/errors.hpp"
#include "gatherd/executor/event.hpp"
#include "gatherd/executor/gather.hpp"
#include "gatherd/executor/run.hpp"
#include "gatherd/executor/sleep.hpp"

using namespace gatherd::executor;
using namespace std::chrono_literals;

namespace {

constexpr int many = TESTED_DEPTH;  // and wide

enum class bottom { returns, raises, waits };

task<int> nested(int depth, bottom what, event& reached) {
    if (depth > 0) {
        co_return 1 + co_await nested(depth - 1, what, reached);
    }
    if (what == bottom::raises) {
        throw std::runtime_error{"bottom"};
    }
    if (what == bottom::waits) {
        reached.set();
        co_await sleep(1h);
    }
    co_return 0;
}

task<int> cancels_the_nested() {
    event reached;
    const auto deep = create_task(nested(many, bottom::waits, reached));
    co_await reached.wait();
    deep.cancel("from outside");
    co_return co_await deep;
}

/// Counts those that live.
class guest {
public:
    explicit guest(std::atomic<int>& count) noexcept : count_{&count} { ++*count_; }
    guest(guest&& other) noexcept : count_{std::exchange(other.count_, nullptr)} {}
    guest& operator=(guest&&) = delete;
    ~guest() {
        if (count_ != nullptr) {
            --*count_;
        }
    }

private:
    std::atomic<int>* count_;
};

/// One that owns the next, which it awaits when it is awaited itself.
task<int> owner_of(task<int> inner, guest) {
    co_return 1 + co_await std::move(inner);
}

task<int> innermost() {
    co_return 0;
}

task<int> owners(std::atomic<int>& alive) {
    task<int> whole = innermost();
    for (int i = 0; i < many; ++i) {
        whole = owner_of(std::move(whole), guest{alive});
    }
    return whole;
}

task<int> cancels_before_the_start(task<int> whole) {
    const auto never_started = create_task(std::move(whole));
    never_started.cancel();
    co_return co_await never_started;
}

/// A task that awaits another, of which only it has a handle.
task<int> follower(task_handle<int> next, std::atomic<int>& started) {
    ++started;
    co_return 1 + co_await next;
}

task<int> first_of_a_chain(event& begin) {
    co_await begin.wait();
    co_return 0;
}

task<int> chain(bool is_cancelled) {
    event begin;
    std::atomic<int> started{0};
    task_handle<int> last = create_task(first_of_a_chain(begin));
    for (int i = 0; i < many; ++i) {
        last = create_task(follower(std::move(last), started));
    }
    while (started < many) {
        co_await sleep(1ms);
    }
    if (is_cancelled) {
        last.cancel();
    } else {
        begin.set();
    }
    co_return co_await last;
}

task<int> child(int i, std::atomic<int>& started, std::atomic<int>& cleaned_up) {
    ++started;
    try {
        co_await sleep(i % 2 == 0 ? 1h : 2h);
    } catch (const cancelled_error&) {
        ++cleaned_up;
        throw;
    }
    co_return i;
}

task<int> number(int i) {
    co_return i;
}

task<std::vector<int>> gathers_numbers() {
    std::vector<task<int>> all;
    for (int i = 0; i < many; ++i) {
        all.push_back(number(i));
    }
    co_return co_await gather(std::move(all));
}

task<std::size_t> cancels_a_gather(std::atomic<int>& cleaned_up) {
    std::atomic<int> started{0};
    std::vector<task<int>> all;
    for (int i = 0; i < many; ++i) {
        all.push_back(child(i, started, cleaned_up));
    }
    const auto whole = create_task(gather(std::move(all)));
    while (started < many) {
        co_await sleep(1ms);
    }
    whole.cancel();
    co_await wait(whole.ref());
    co_return static_cast<std::size_t>(whole.cancelled());
}

}  // namespace

TEST_CASE("depth: a million nested awaits give their result", "[executor]") {
    event unused;
    CHECK(run(nested(many, bottom::returns, unused)) == many);
}

TEST_CASE("depth: an exception comes up through a million awaits", "[executor]") {
    event unused;
    CHECK_THROWS_WITH(run(nested(many, bottom::raises, unused)), "bottom");
}

TEST_CASE("depth: a cancellation comes up through a million awaits", "[executor]") {
    CHECK_THROWS_AS(run(cancels_the_nested()), cancelled_error);
}

TEST_CASE("depth: a million coroutines that own each other run", "[executor]") {
    std::atomic<int> alive{0};
    CHECK(run(owners(alive)) == many);
    CHECK(alive == 0);
}

TEST_CASE("depth: a million coroutines that own each other are dropped", "[executor]") {
    std::atomic<int> alive{0};
    { const task<int> never_run = owners(alive); }
    CHECK(alive == 0);
}

TEST_CASE("depth: a million coroutines that own each other are cancelled before they start", "[executor]") {
    std::atomic<int> alive{0};
    CHECK_THROWS_AS(run(cancels_before_the_start(owners(alive))), cancelled_error);
    CHECK(alive == 0);
}

TEST_CASE("depth: a million tasks that await each other end", "[executor]") {
    CHECK(run(chain(false)) == many);
}

TEST_CASE("depth: a million tasks that await each other are cancelled", "[executor]") {
    CHECK_THROWS_AS(run(chain(true)), cancelled_error);
}

TEST_CASE("depth: a gather of a million gives all results in their order", "[executor]") {
    const std::vector<int> all = run(gathers_numbers());
    REQUIRE(all.size() == many);
    for (int i = 0; i < many; ++i) {
        if (all[static_cast<std::size_t>(i)] != i) {
            FAIL("at " << i);
        }
    }
}

TEST_CASE("depth: a gather of a million that sleep is cancelled, and each cleans up", "[executor]") {
    std::atomic<int> cleaned_up{0};
    CHECK(run(cancels_a_gather(cleaned_up)) == 1);
    CHECK(cleaned_up == many);
}
