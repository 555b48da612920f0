#include "gatherd/executor/gather.hpp"

#include <atomic>
#include <catch2/catch.hpp>
#include <numeric>
#include <optional>
#include <stdexcept>
#include <string>

#include "gatherd/executor/event.hpp"
#include "gatherd/executor/run.hpp"
#include "gatherd/executor/semaphore.hpp"
#include "gatherd/executor/sleep.hpp"
#include "gatherd/executor/wait.hpp"
#include "tests/unit/executor/serially.hpp"

using namespace gatherd::executor;
using namespace std::chrono_literals;

namespace {

task<int> after(std::chrono::milliseconds delay, int n) {
    co_await sleep(delay);
    co_return n;
}

task<int> fails_after(std::chrono::milliseconds delay, const char* why) {
    co_await sleep(delay);
    throw std::runtime_error{why};
}

task<int> swallows() {
    try {
        co_await sleep(1h);
    } catch (const cancelled_error&) {
    }
    co_return 1;
}

task<> gathers_those_that_swallow(int form) {
    std::vector<task<int>> all;
    all.push_back(swallows());
    all.push_back(swallows());
    switch (form) {
        case 0:
            co_await gather(std::move(all));
            break;
        case 1:
            co_await gather_exceptions(std::move(all));
            break;
        default:
            co_await gather(swallows(), swallows());
            break;
    }
}

/// Whether a gather that is cancelled while it waits raises that.
task<bool> raises_its_own(int form) {
    const auto gathers = create_task(gathers_those_that_swallow(form));
    co_await sleep(1ms);
    gathers.cancel();
    co_await wait(gathers.ref());
    co_return gathers.cancelled();
}

task<std::vector<int>> in_order() {
    std::vector<task<int>> all;
    all.push_back(after(9ms, 1));
    all.push_back(after(1ms, 2));
    all.push_back(after(5ms, 3));
    co_return co_await gather(std::move(all));
}

task<long> many(int count) {
    std::vector<task<int>> all;
    for (int i = 0; i < count; ++i) {
        all.push_back(after(std::chrono::milliseconds{i % 3}, i));
    }
    const auto results = co_await gather(std::move(all));
    co_return std::accumulate(results.begin(), results.end(), 0L);
}

task<int> sets(std::atomic<bool>& flag, std::chrono::milliseconds delay) {
    co_await sleep(delay);
    flag = true;
    co_return 0;
}

task<std::string> first_failure(std::atomic<bool>& sibling_went_on) {
    std::vector<task<int>> all;
    all.push_back(fails_after(200ms, "late"));
    all.push_back(fails_after(2ms, "early"));
    all.push_back(sets(sibling_went_on, 20ms));
    std::string why;
    try {
        co_await gather_unjoined(std::move(all));
    } catch (const std::runtime_error& e) {
        why = e.what();
    }
    while (!sibling_went_on) {
        co_await sleep(1ms);
    }
    co_return why;
}

/// Waits for ever. Notes 'c' where it is cancelled, 'x' for each interruption of its clean-up, which lasts until `done`
/// is set, and 'C' at its end.
task<int> cleans_up_until(std::string& out, event& done) {
    try {
        co_await sleep(1h);
    } catch (const cancelled_error&) {
        out.push_back('c');
    }
    for (bool is_done = false; !is_done;) {
        try {
            co_await done.wait();
            is_done = true;
        } catch (const cancelled_error&) {
            out.push_back('x');
        }
    }
    out.push_back('C');
    throw cancelled_error{};
}

task<int> as_known_task(task_ref& self, task<int> body) {
    self = task_ref{&task_state::current()};
    co_return co_await std::move(body);
}

task<> sets_soon(event& done) {
    for (int i = 0; i < 20; ++i) {
        co_await yield();
    }
    done.set();
}

task<std::string> fails_beside_one_that_cleans_up(bool is_tuple) {
    std::string out;
    event done;
    const auto setter = create_task(sets_soon(done));
    try {
        if (is_tuple) {
            co_await gather(cleans_up_until(out, done), fails_after(1ms, "boom"));
        } else {
            std::vector<task<int>> all;
            all.push_back(cleans_up_until(out, done));
            all.push_back(fails_after(1ms, "boom"));
            co_await gather(std::move(all));
        }
    } catch (const std::runtime_error& e) {
        out += e.what();
    }
    co_await setter;
    co_return out;
}

task<std::string> a_child_is_cancelled() {
    std::string out;
    event done;
    done.set();
    task_ref self;
    const auto gathers = [](std::string& to, event& until, task_ref& one) -> task<> {
        co_await gather(as_known_task(one, after(1h, 1)), cleans_up_until(to, until));
    };
    const auto whole = create_task(gathers(out, done, self));
    while (!self || !self->has_waited()) {
        co_await yield();
    }
    co_await yield();
    self->cancel();
    co_await wait(whole.ref());
    co_return out + (whole.cancelled() ? " cancelled" : " not cancelled");
}

/// Its child cleans up after the other one's failure when the gather is cancelled.
task<std::string> cancelled_after_a_failure() {
    std::string out;
    event done;
    const auto gathers = [](std::string& to, event& until) -> task<> {
        co_await gather(cleans_up_until(to, until), fails_after(0ms, "boom"));
    };
    const auto whole = create_task(gathers(out, done));
    while (out.empty()) {
        co_await yield();
    }
    whole.cancel();
    while (out != "cx") {
        co_await yield();
    }
    out += whole.done() ? "!" : "";
    done.set();
    co_await wait(whole.ref());
    co_return out + ends_of(whole);
}

task<> counts(std::atomic<int>& calls) {
    calls.fetch_add(1);
    co_return;
}

task<int&> reference_to(int& target) {
    co_await yield();
    co_return target;
}

task<int> gathers_all_kinds(std::atomic<int>& calls) {
    int target = 1;
    std::vector<task<>> several;
    several.push_back(counts(calls));
    several.push_back(counts(calls));
    co_await gather(std::move(several));
    co_await gather(counts(calls), counts(calls));
    const std::tuple<std::monostate, int, std::reference_wrapper<int>> mixed =
        co_await gather(counts(calls), after(0ms, 2), reference_to(target));
    std::get<2>(mixed).get() += 39;
    std::vector<task<int&>> references;
    references.push_back(reference_to(target));
    const std::vector<std::reference_wrapper<int>> same = co_await gather(std::move(references));
    co_return same.front() + std::get<1>(mixed);
}

task<std::size_t> exceptions_as_results() {
    std::vector<task<int>> all;
    all.push_back(after(1ms, 1));
    all.push_back(fails_after(0ms, "boom"));
    const auto results = co_await gather_exceptions(std::move(all));
    co_return results[0].index() * 10 + results[1].index();
}

task<int> cleans_up(std::atomic<int>& cleaned) {
    try {
        co_await sleep(1h);
    } catch (const cancelled_error&) {
        cleaned.fetch_add(1);
        throw;
    }
    co_return 0;
}

task<std::vector<int>> gather_cleaners(std::atomic<int>& cleaned, int count) {
    std::vector<task<int>> all;
    for (int i = 0; i < count; ++i) {
        all.push_back(cleans_up(cleaned));
    }
    co_return co_await gather(std::move(all));
}

task<bool> cancelled_as_a_whole(std::atomic<int>& cleaned) {
    const auto whole = create_task(gather_cleaners(cleaned, 50));
    co_await sleep(5ms);
    whole.cancel();
    co_await wait(whole.ref());
    co_return whole.failed();
}

task<int> of_two_types() {
    const auto [n, text] = co_await gather(after(2ms, 4), []() -> task<std::string> { co_return "abc"; }());
    co_return n + static_cast<int>(text.size());
}

task<int> counted(semaphore& gate, std::atomic<int>& inside, std::atomic<int>& most) {
    const auto permit = co_await gate.acquire();
    const int now = ++inside;
    for (int seen = most; now > seen && !most.compare_exchange_weak(seen, now);) {
    }
    co_await sleep(1ms);
    --inside;
    co_return 0;
}

task<int> most_at_once(int tasks, std::size_t permits) {
    semaphore gate{permits};
    std::atomic<int> inside{0};
    std::atomic<int> most{0};
    std::vector<task<int>> all;
    for (int i = 0; i < tasks; ++i) {
        all.push_back(counted(gate, inside, most));
    }
    co_await gather(std::move(all));
    co_return most.load();
}

}  // namespace

TEST_CASE("gather: results come in the order given, not in that of completion", "[executor]") {
    CHECK(run(in_order()) == std::vector{1, 2, 3});
}

TEST_CASE("gather: ten thousand children are all counted", "[executor]") {
    CHECK(run(many(10'000)) == 49'995'000L);
}

TEST_CASE("gather: of nothing is an empty list", "[executor]") {
    CHECK(run(gather(std::vector<task<int>>{})).empty());
}

TEST_CASE("gather_unjoined: raises the first exception in time, and the siblings run on", "[executor]") {
    std::atomic<bool> sibling_went_on{false};
    CHECK(run(first_failure(sibling_went_on)) == "early");
    CHECK(sibling_went_on);
}

TEST_CASE("gather: when a child raises, its siblings are cancelled and have ended before the exception comes out",
          "[executor]") {
    for (const bool is_tuple : {false, true}) {
        CAPTURE(is_tuple);
        CHECK(serially(fails_beside_one_that_cleans_up(is_tuple)) == "cCboom");
        for (const std::size_t workers : {1U, 3U}) {
            scheduler on{{.workers = workers}};
            CHECK(run(on, fails_beside_one_that_cleans_up(is_tuple)) == "cCboom");
        }
    }
}

TEST_CASE("gather: a child that ends by CancelledError counts as one that raises", "[executor]") {
    CHECK(serially(a_child_is_cancelled()) == "cC cancelled");
}

TEST_CASE("gather: a cancellation that comes after a child's failure is raised in its place, after the clean-up",
          "[executor]") {
    CHECK(serially(cancelled_after_a_failure()) == "cxCc");
}

TEST_CASE("gather: one coroutine whose result is a pair gives a tuple of that pair", "[executor]") {
    const auto pair = []() -> task<std::pair<int, int>> { co_return {1, 2}; };
    const std::tuple<std::pair<int, int>> results = run(gather(pair()));
    CHECK(std::get<0>(results).second == 2);
}

TEST_CASE("gather: coroutines without a result, alone or mixed with others, and references", "[executor]") {
    std::atomic<int> calls{0};
    CHECK(run(gathers_all_kinds(calls)) == 42);
    CHECK(calls == 5);
    run(gather(std::vector<task<>>{}));
}

TEST_CASE("gather: exceptions may be results", "[executor]") {
    CHECK(run(exceptions_as_results()) == 1);
    const auto two_types = []() -> task<std::size_t> {
        const auto [number, nothing] = co_await gather_exceptions(after(0ms, 7), fails_after(0ms, "boom"));
        co_return static_cast<std::size_t>(std::get<0>(number)) * 10 + nothing.index();
    };
    CHECK(run(two_types()) == 71);
}

TEST_CASE("gather: cancelled as a whole, every child is cancelled and cleans up", "[executor]") {
    std::atomic<int> cleaned{0};
    CHECK(run(cancelled_as_a_whole(cleaned)));
    CHECK(cleaned == 50);
}

TEST_CASE("gather: cancelled, it raises that even if all its children swallowed it", "[executor]") {
    for (const int form : {0, 1, 2}) {
        CAPTURE(form);
        CHECK(run(raises_its_own(form)));
    }
}

TEST_CASE("gather: coroutines of different types give a tuple", "[executor]") {
    CHECK(run(of_two_types()) == 7);
}

TEST_CASE("semaphore: never lets more in than it has permits", "[executor]") {
    CHECK(run(most_at_once(40, 3)) <= 3);
    CHECK(run(most_at_once(5, 1)) == 1);
}
