#include "gatherd/executor/queue.hpp"

#include <catch2/catch.hpp>
#include <functional>
#include <memory>
#include <new>
#include <string>

#include "gatherd/executor/gather.hpp"
#include "gatherd/executor/sleep.hpp"
#include "tests/unit/executor/serially.hpp"

using namespace gatherd::executor;

namespace {

template <typename Queue>
task<std::string> three_in_three_out(Queue& through) {
    for (const int item : {2, 3, 1}) {
        co_await through.put(item);
    }
    std::string out = std::to_string(through.size()) + ":";
    while (!through.empty()) {
        const int item = co_await through.get();
        out += std::to_string(item);
    }
    co_return out;
}

task<> puts(queue<int>& to, std::string& out, int item) {
    co_await to.put(item);
    out += "p" + std::to_string(item);
}

task<> gets(queue<int>& from, std::string& out) {
    const int item = co_await from.get();
    out += "g" + std::to_string(item);
}

task<std::string> waiting_puts() {
    queue<int> through{1};
    std::string out;
    const auto a = create_task(puts(through, out, 1));
    const auto b = create_task(puts(through, out, 2));
    const auto c = create_task(puts(through, out, 3));
    co_await yield();
    out += through.full() ? "F" : "-";
    co_await gets(through, out);
    out += through.full() ? "F" : "-";  // the slot is promised to b
    co_await b;
    co_await gets(through, out);
    co_await c;
    co_await gets(through, out);
    co_return out + (through.empty() ? "E" : "-");
}

task<std::string> waiting_gets() {
    queue<int> through;
    std::string out;
    const auto a = create_task(gets(through, out));
    const auto b = create_task(gets(through, out));
    co_await yield();
    through.put_nowait(1);
    through.put_nowait(2);
    through.put_nowait(3);
    out += std::to_string(through.size());
    out += std::to_string(through.get_nowait());
    out.push_back(through.empty() ? 'E' : '-');
    co_await a;
    co_await b;
    co_return out;
}

/// `crossing`: the getter, or putter, was served and has not run yet.
task<std::string> cancelled_getter(bool crossing) {
    queue<int> through;
    std::string out;
    const auto a = create_task(gets(through, out));
    const auto b = create_task(gets(through, out));
    co_await yield();
    if (crossing) {
        through.put_nowait(1);
        a.cancel();
    } else {
        a.cancel();
        through.put_nowait(1);
    }
    co_await b;  // hangs if the item is lost
    co_return out + ends_of(a, b);
}

task<std::string> cancelled_putter(bool crossing) {
    queue<int> through{1};
    std::string out;
    through.put_nowait(1);
    const auto a = create_task(puts(through, out, 2));
    const auto b = create_task(puts(through, out, 3));
    co_await yield();
    if (!crossing) {
        a.cancel();
    }
    out += std::to_string(through.get_nowait());
    if (crossing) {
        a.cancel();
    }
    co_await b;  // hangs if the slot is lost
    out += std::to_string(through.get_nowait());
    co_return out + ends_of(a, b) + (through.empty() ? "E" : "-");
}

task<> works(queue<int>& from, std::string& out) {
    while (true) {
        const int item = co_await from.get();
        co_await yield();
        out += std::to_string(item);
        from.task_done();
    }
}

task<std::string> joined() {
    queue<int> through;
    std::string out;
    co_await through.join();  // of nothing
    const auto worker = create_task(works(through, out));
    for (const int item : {1, 2, 3}) {
        through.put_nowait(item);
    }
    co_await through.join();
    out.push_back('j');
    try {
        through.task_done();
    } catch (const value_error&) {
        out.push_back('x');
    }
    worker.cancel();
    co_await wait(worker.ref());
    co_return out;
}

task<int> of_unique_pointers() {
    queue<std::unique_ptr<int>> through{1};
    const auto later = create_task([](queue<std::unique_ptr<int>>& to) -> task<> {
        co_await to.put(std::make_unique<int>(40));
        co_await to.put(std::make_unique<int>(2));
    }(through));
    const auto first = co_await through.get();
    const auto second = co_await through.get();
    co_await later;
    co_return *first + *second;
}

task<long> produces(queue<long>& to, long from, long count) {
    for (long i = 0; i < count; ++i) {
        co_await to.put(from + i);
    }
    co_return 0;
}

task<long> consumes(queue<long>& from, long count) {
    long sum = 0;
    for (long i = 0; i < count; ++i) {
        const long item = co_await from.get();
        sum += item;
    }
    co_return sum;
}

task<long> sum_through(std::size_t maxsize) {
    queue<long> through{maxsize};
    std::vector<task<long>> all;
    for (long i = 0; i < 4; ++i) {
        all.push_back(produces(through, i * 1000, 1000));
        all.push_back(consumes(through, 1000));
    }
    long sum = 0;
    const auto sums = co_await gather(std::move(all));
    for (const long each : sums) {
        sum += each;
    }
    co_return sum;
}

task<> gets_all(queue<int>& from, std::string& out) {
    try {
        while (true) {
            const int item = co_await from.get();
            out += std::to_string(item);
            from.task_done();
        }
    } catch (const queue_shut_down& e) {
        out += e.what();
    }
}

task<> puts_or_is_refused(queue<int>& to, std::string& out, int item) {
    try {
        co_await to.put(item);
        out += "p";
    } catch (const queue_shut_down&) {
        out += "r";
    }
}

task<std::string> shut_down_under_getters() {
    queue<int> through;
    std::string out;
    const auto getter = create_task(gets_all(through, out));
    co_await yield();
    through.put_nowait(1);  // promised to the getter
    through.put_nowait(2);
    through.shutdown();
    co_await getter;
    co_await through.join();
    co_return out;
}

task<std::string> shut_down_under_putters(bool immediate) {
    queue<int> through{1};
    std::string out;
    through.put_nowait(1);
    const auto putter = create_task(puts_or_is_refused(through, out, 2));
    const auto joiner = create_task([](queue<int>& joined, std::string& said) -> task<> {
        co_await joined.join();
        said += "j";
    }(through, out));
    co_await yield();
    through.shutdown(immediate);
    co_await putter;
    co_await yield();
    try {
        out += std::to_string(through.size());
        out += std::to_string(through.get_nowait());
        through.task_done();
    } catch (const queue_shut_down&) {
        out += "x";
    }
    co_await joiner;
    try {
        through.put_nowait(3);
    } catch (const queue_shut_down&) {
        out += "x";
    }
    co_return out;
}

/// Of a getter and a putter that were promised an item and a slot, and have not run yet.
task<std::string> shut_down_at_once_after_promises() {
    queue<int> through{1};
    std::string out;
    const auto getter = create_task(gets_all(through, out));
    co_await yield();
    through.put_nowait(1);  // promised to the getter
    through.shutdown(true);
    co_await getter;
    queue<int> full{1};
    full.put_nowait(1);
    const auto putter = create_task(puts_or_is_refused(full, out, 2));
    co_await yield();
    out += std::to_string(full.get_nowait());  // the slot is promised to the putter
    full.shutdown();
    co_await putter;
    co_return out;
}

template <typename T>
class failing_items {
public:
    using value_type = T;
    void push(T item) {
        if (item < 0) {
            throw std::bad_alloc{};
        }
        items_.push(item);
    }
    [[nodiscard]] T pop() noexcept { return items_.pop(); }

private:
    fifo_items<T> items_;
};

task<std::string> without_memory() {
    basic_queue<failing_items<int>> through{1};
    std::string out;
    try {
        co_await through.put(-1);
    } catch (const std::bad_alloc&) {
        out += "x";
    }
    co_await through.put(1);  // hangs if the slot is lost
    const int item = co_await through.get();
    co_return out + std::to_string(item);
}

}  // namespace

TEST_CASE("queue: after shutdown the items that are left can be got, and then get raises", "[executor]") {
    CHECK(serially(shut_down_under_getters()) == "12QueueShutDown");
}

TEST_CASE("queue: shutdown refuses whoever puts, and an immediate one drops the items", "[executor]") {
    CHECK(serially(shut_down_under_putters(false)) == "r11jx");
    CHECK(serially(shut_down_under_putters(true)) == "rj0xx");
}

TEST_CASE("queue: an item or a slot that was promised before shutdown is refused too", "[executor]") {
    CHECK(serially(shut_down_at_once_after_promises()) == "QueueShutDown1r");
}

TEST_CASE("queue: what cannot be stored leaves its slot free", "[executor]") {
    CHECK(serially(without_memory()) == "x1");
}

TEST_CASE("queue: items come out in the order in which they went in", "[executor]") {
    queue<int> through;
    CHECK(serially(three_in_three_out(through)) == "3:231");
}

TEST_CASE("lifo_queue: the newest item comes out first", "[executor]") {
    lifo_queue<int> through;
    CHECK(serially(three_in_three_out(through)) == "3:132");
}

TEST_CASE("priority_queue: the lowest item comes out first, by any comparison", "[executor]") {
    priority_queue<int> lowest;
    CHECK(serially(three_in_three_out(lowest)) == "3:123");
    priority_queue<int, std::greater<int>> highest;
    CHECK(serially(three_in_three_out(highest)) == "3:321");
}

TEST_CASE("queue: who waits to put is served in the order of coming", "[executor]") {
    CHECK(serially(waiting_puts()) == "p1Fg1Fp2g2p3g3E");
}

TEST_CASE("queue: who waits to get is served in the order of coming, and a newcomer takes only what is left",
          "[executor]") {
    CHECK(serially(waiting_gets()) == "11Eg2g3");
}

TEST_CASE("queue: a cancelled get takes nothing", "[executor]") {
    CHECK(serially(cancelled_getter(false)) == "g1cv");
    CHECK(serially(cancelled_getter(true)) == "g1cv");
}

TEST_CASE("queue: a cancelled put puts nothing, and its slot goes to the next", "[executor]") {
    CHECK(serially(cancelled_putter(false)) == "1p33cvE");
    CHECK(serially(cancelled_putter(true)) == "1p33cvE");
}

TEST_CASE("queue: without waiting, full and empty are errors", "[executor]") {
    queue<int> through{1};
    CHECK_THROWS_AS(through.get_nowait(), queue_empty);
    through.put_nowait(1);
    CHECK_THROWS_AS(through.put_nowait(2), queue_full);
    CHECK(through.get_nowait() == 1);
    CHECK(through.maxsize() == 1);
}

TEST_CASE("queue: join waits until each item was said to be done, which can be said once", "[executor]") {
    CHECK(serially(joined()) == "123jx");
}

TEST_CASE("queue: items may be movable only", "[executor]") {
    CHECK(serially(of_unique_pointers()) == 42);
}

TEST_CASE("queue: nothing is lost between several workers", "[executor]") {
    scheduler on{{.workers = 3}};
    constexpr long sum = 3999L * 4000 / 2;
    CHECK(run(on, sum_through(1)) == sum);
    CHECK(run(on, sum_through(16)) == sum);
    CHECK(run(on, sum_through(0)) == sum);
}

namespace {

task<bool> shut_down_after_a_getter_was_cancelled() {
    queue<int> items;
    const auto gets = [](queue<int>& from) -> task<> { co_await from.get(); };
    const auto getter = create_task(gets(items));
    co_await yield();
    items.put_nowait(1);  // promised to the getter
    getter.cancel();
    items.shutdown(true);
    co_await wait(getter.ref());
    try {
        static_cast<void>(items.get_nowait());
    } catch (const queue_shut_down&) {
        co_return items.size() == 0;
    }
    co_return false;
}

}  // namespace

TEST_CASE("queue: an item that a cancelled getter gives back after shutdown(true) is gone with the others",
          "[executor]") {
    CHECK(serially(shut_down_after_a_getter_was_cancelled()));
}
