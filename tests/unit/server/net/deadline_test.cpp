#include "api/server/net/deadline.hpp"

#include <asio/io_context.hpp>
#include <asio/post.hpp>
#include <catch2/catch.hpp>
#include <functional>
#include <future>
#include <memory>

#include "gatherd/executor/scheduler.hpp"

namespace gatherd::api::server {
namespace {

using std::chrono::milliseconds;

/// A deadline on the one worker where it belongs, and what became of it.
class watched_worker {
public:
    ~watched_worker() { on_.stop(); }

    /// Does that on the worker, and returns when a deadline of its own, later than all others of the test, has rung:
    /// by then they have rung, if they do.
    void run(const std::function<void(executor::scheduler&)>& what) {
        std::promise<void> done;
        deadline last;
        asio::post(on_.io(0), [&] {
            what(on_);
            last.set(on_, milliseconds{50}, [&done] { done.set_value(); });
        });
        done.get_future().wait();
        std::promise<void> left;  // `last` has been left
        asio::post(on_.io(0), [&left] { left.set_value(); });
        left.get_future().wait();
    }

private:
    executor::scheduler on_{{.workers = 1}};
};

}  // namespace

TEST_CASE("deadline: over its time it calls once, and is not set any more", "[server]") {
    watched_worker worker;
    deadline of;
    int calls = 0;
    bool was_set = false;
    bool is_set_in_call = true;
    worker.run([&](executor::scheduler& on) {
        of.set(on, milliseconds{1}, [&] {
            ++calls;
            is_set_in_call = of.is_set();
        });
        was_set = of.is_set();
    });
    CHECK(was_set);
    CHECK(calls == 1);
    CHECK_FALSE(is_set_in_call);
    CHECK_FALSE(of.is_set());
}

TEST_CASE("deadline: cleared before its time, it never calls", "[server]") {
    watched_worker worker;
    deadline of;
    int calls = 0;
    worker.run([&](executor::scheduler& on) {
        of.set(on, milliseconds{1}, [&] { ++calls; });
        of.clear();
    });
    CHECK(calls == 0);
    CHECK_FALSE(of.is_set());
}

TEST_CASE("deadline: set again, only the last time counts", "[server]") {
    watched_worker worker;
    deadline of;
    int first = 0;
    int second = 0;
    worker.run([&](executor::scheduler& on) {
        of.set(on, milliseconds{1}, [&] { ++first; });
        of.set(on, milliseconds{2}, [&] { ++second; });
    });
    CHECK(first == 0);
    CHECK(second == 1);
}

TEST_CASE("deadline: a time of 0 is never over, but set", "[server]") {
    watched_worker worker;
    deadline of;
    int calls = 0;
    worker.run([&](executor::scheduler& on) {
        of.set(on, milliseconds{1}, [&] { ++calls; });
        of.set(on, milliseconds{0}, [&] { ++calls; });
    });
    CHECK(calls == 0);
    CHECK(of.is_set());
}

TEST_CASE("deadline: it may be set again by its own call", "[server]") {
    watched_worker worker;
    deadline of;
    int calls = 0;
    worker.run([&](executor::scheduler& on) {
        of.set(on, milliseconds{1}, [&] {
            ++calls;
            of.set(on, milliseconds{1}, [&] { ++calls; });
        });
    });
    CHECK(calls == 2);
}

TEST_CASE("deadline: paused, its time stands still", "[server]") {
    watched_worker worker;
    deadline of;
    int calls = 0;
    worker.run([&](executor::scheduler& on) {
        of.set(on, milliseconds{1}, [&] { ++calls; });
        of.pause();
    });
    CHECK(calls == 0);
    CHECK(of.is_set());
    worker.run([&](executor::scheduler& on) {
        of.go_on(on);
        of.go_on(on);  // which changes nothing
    });
    CHECK(calls == 1);
    CHECK_FALSE(of.is_set());
    worker.run([&](executor::scheduler& on) {
        of.pause();
        of.go_on(on);
    });
    CHECK(calls == 1);  // it was not set
}

TEST_CASE("deadline: paused and cleared, or set again, what was before is forgotten", "[server]") {
    watched_worker worker;
    deadline of;
    int calls = 0;
    worker.run([&](executor::scheduler& on) {
        of.set(on, milliseconds{1}, [&] { ++calls; });
        of.pause();
        of.clear();
        of.go_on(on);
    });
    CHECK(calls == 0);
    worker.run([&](executor::scheduler& on) {
        of.set(on, milliseconds{1}, [&] { ++calls; });
        of.pause();
        of.set(on, milliseconds{1}, [&] { calls += 10; });
    });
    CHECK(calls == 10);
}

TEST_CASE("deadline: cleared, it lets go what its call kept alive", "[server]") {
    watched_worker worker;
    deadline of;
    auto kept = std::make_shared<int>(1);
    const std::weak_ptr<int> seen = kept;
    bool was_kept = false;
    bool is_kept = true;
    worker.run([&](executor::scheduler& on) {
        of.set(on, std::chrono::hours{1}, [kept = std::move(kept)] {});
        was_kept = !seen.expired();
        of.clear();
        is_kept = !seen.expired();
    });
    CHECK(was_kept);
    CHECK_FALSE(is_kept);
}

}  // namespace gatherd::api::server
