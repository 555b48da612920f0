#include "gatherd/executor/use_task.hpp"

#include <array>
#include <asio/bind_executor.hpp>
#include <asio/buffer.hpp>
#include <asio/experimental/as_tuple.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/local/connect_pair.hpp>
#include <asio/local/stream_protocol.hpp>
#include <asio/post.hpp>
#include <asio/read.hpp>
#include <asio/redirect_error.hpp>
#include <asio/signal_set.hpp>
#include <asio/steady_timer.hpp>
#include <asio/strand.hpp>
#include <asio/write.hpp>
#include <atomic>
#include <catch2/catch.hpp>
#include <chrono>
#include <csignal>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <type_traits>

#include "gatherd/executor/create_task.hpp"
#include "gatherd/executor/event.hpp"
#include "gatherd/executor/run.hpp"
#include "gatherd/executor/sleep.hpp"
#include "gatherd/executor/wait.hpp"
#include "gatherd/executor/wait_for.hpp"

using namespace gatherd::executor;
using namespace std::chrono_literals;
using stream = asio::local::stream_protocol::socket;

namespace {

/// Two connected sockets on the calling task's worker.
struct ends {
    ends() { asio::local::connect_pair(ours, theirs); }
    stream ours{this_io()};
    stream theirs{this_io()};
};

/// Reads one byte more than will ever come.
task<> reads_for_ever(stream& from, std::array<char, 2>& to, event& begun) {
    begun.set();
    co_await asio::async_read(from, asio::buffer(to), use_task);
}

task<std::string> reads(stream& from, std::size_t length) {
    std::string text(length, '\0');
    const std::size_t n = co_await asio::async_read(from, asio::buffer(text), use_task);
    text.resize(n);
    co_return text;
}

/// An operation that calls its handler with `values`, on the executor.
template <typename Signature, typename... Values>
auto async_give(asio::io_context& io, Values... values) {
    return asio::async_initiate<const use_task_t, Signature>(
        [&io](auto handler, Values... given) {
            asio::post(io, [handler = std::move(handler), ... given = std::move(given)]() mutable {
                std::move(handler)(std::move(given)...);
            });
        },
        use_task, std::move(values)...);
}

/// An operation whose handler is kept for the test.
auto async_keep(std::function<void()>& kept) {
    return asio::async_initiate<const use_task_t, void()>(
        [&kept](auto handler) {
            kept = [shared = std::make_shared<decltype(handler)>(std::move(handler))] { (*shared)(); };
        },
        use_task);
}

}  // namespace

TEST_CASE("use_task: what a task writes another reads, and the result is the handler's", "[executor]") {
    const auto main = []() -> task<std::string> {
        ends both;
        const auto reader = create_task(reads(both.theirs, 5));
        const std::size_t n = co_await asio::async_write(both.ours, asio::buffer("hello", 5), use_task);
        co_return std::to_string(n) + co_await reader;
    };
    CHECK(run(main()) == "5hello");
}

TEST_CASE("use_task: no value is void, one is itself, several are a tuple", "[executor]") {
    const auto main = []() -> task<int> {
        asio::io_context& io = this_io();
        static_assert(std::is_void_v<decltype(async_give<void()>(io).operator co_await().await_resume())>);
        co_await async_give<void()>(io);
        co_await async_give<void(asio::error_code)>(io, asio::error_code{});
        const auto owned = co_await async_give<void(std::unique_ptr<int>)>(io, std::make_unique<int>(1));
        const auto [two, text] = co_await async_give<void(asio::error_code, int, std::string)>(io, asio::error_code{},
                                                                                               2, std::string{"abc"});
        co_return *owned + two + static_cast<int>(text.size());
    };
    CHECK(run(main()) == 6);
}

namespace {

struct outcomes {
    bool raised = false;
    asio::error_code redirected;
    std::size_t n = 1;
    asio::error_code in_tuple;
    std::string exception;
};

/// A socket whose other end is closed. Asio reports that once for each socket, not at each read.
stream at_its_end() {
    ends both;
    return std::move(both.ours);
}

task<outcomes> meets_errors() {
    outcomes got;
    std::array<char, 1> byte{};
    const auto to = asio::buffer(byte);
    stream first = at_its_end();
    try {
        co_await first.async_read_some(to, use_task);
    } catch (const std::system_error& e) {
        got.raised = e.code() == asio::error::eof;
    }
    stream second = at_its_end();
    got.n = co_await second.async_read_some(to, asio::redirect_error(use_task, got.redirected));
    stream third = at_its_end();
    std::tie(got.in_tuple, std::ignore) = co_await third.async_read_some(to, asio::experimental::as_tuple(use_task));
    try {
        co_await async_give<void(std::exception_ptr)>(this_io(), std::make_exception_ptr(std::runtime_error{"boom"}));
    } catch (const std::runtime_error& e) {
        got.exception = e.what();
    }
    co_return got;
}

}  // namespace

TEST_CASE("use_task: an error is raised, or given to the adapter that asks for it", "[executor]") {
    const outcomes got = run(meets_errors());
    CHECK(got.raised);
    CHECK(got.redirected == asio::error::eof);
    CHECK(got.n == 0);
    CHECK(got.in_tuple == asio::error::eof);
    CHECK(got.exception == "boom");
}

TEST_CASE("use_task: timers, signals, resolvers and post are awaited", "[executor]") {
    const auto main = []() -> task<std::string> {
        asio::steady_timer timer{this_io(), 1ms};
        co_await timer.async_wait(use_task);
        asio::signal_set signals{this_io(), SIGUSR1};
        std::raise(SIGUSR1);
        const int number = co_await signals.async_wait(use_task);
        asio::ip::tcp::resolver resolver{this_io()};
        const auto found = co_await resolver.async_resolve("127.0.0.1", "80", use_task);
        co_await asio::post(this_io(), use_task);
        co_return std::to_string(number == SIGUSR1) + " " + found.begin()->endpoint().address().to_string();
    };
    CHECK(run(main()) == "1 127.0.0.1");
}

TEST_CASE("use_task: an object may live on an io_context of another thread", "[executor]") {
    asio::io_context other;
    auto guard = asio::make_work_guard(other);
    std::thread thread{[&other] { other.run(); }};
    const auto main = [](asio::io_context& io) -> task<bool> {
        asio::steady_timer timer{io, 1ms};
        co_await timer.async_wait(use_task);
        asio::steady_timer never{io, 1h};
        try {
            co_await wait_for([](asio::steady_timer& t) -> task<> { co_await t.async_wait(use_task); }(never), 1ms);
        } catch (const timeout_error&) {
            co_return true;
        }
        co_return false;
    };
    CHECK(run(main(other)));
    guard.reset();
    thread.join();
}

namespace {

/// Cancels a read when it has begun, with one byte in its buffer, and gives whether the operation is over then.
task<bool> cancels_a_read(bool soon) {
    ends both;
    std::array<char, 2> buffer{};
    event begun;
    const auto reader = create_task(reads_for_ever(both.theirs, buffer, begun));
    if (!soon) {
        co_await asio::async_write(both.ours, asio::buffer("a", 1), use_task);
        co_await begun.wait();
        co_await sleep(1ms);  // most likely it waits for the second byte by now
    }
    reader.cancel("enough");
    co_await wait(reader.ref());
    buffer = {};
    co_await asio::async_write(both.ours, asio::buffer("bc", 2), use_task);
    const std::string left = co_await reads(both.theirs, 1);
    co_return reader.cancelled() && buffer == std::array<char, 2>{};
}

}  // namespace

TEST_CASE("use_task: a cancelled operation has ended when the await raises", "[executor]") {
    CHECK(run(cancels_a_read(true)));
    CHECK(run(cancels_a_read(false)));
}

TEST_CASE("use_task: a cancellation goes through the adapters and a bound strand", "[executor]") {
    const auto main = []() -> task<int> {
        const auto waits = [](int kind) -> task<> {
            asio::steady_timer timer{this_io(), 1h};
            const auto strand = asio::make_strand(this_io());
            asio::error_code error;
            switch (kind) {
                case 0:
                    co_await timer.async_wait(asio::redirect_error(use_task, error));
                    break;
                case 1:
                    co_await timer.async_wait(asio::experimental::as_tuple(use_task));
                    break;
                case 2:
                    co_await timer.async_wait(asio::bind_executor(strand, use_task));
                    break;
                default:
                    co_await timer.async_wait(asio::redirect_error(asio::bind_executor(strand, use_task), error));
            }
        };
        int cancelled = 0;
        for (int kind = 0; kind < 4; ++kind) {
            const auto waiter = create_task(waits(kind));
            co_await yield();
            waiter.cancel();
            co_await wait(waiter.ref());
            cancelled += waiter.cancelled() ? 1 : 0;
        }
        co_return cancelled;
    };
    CHECK(run(main()) == 4);
}

TEST_CASE("use_task: a cancelled task waits for an operation that cannot be cancelled", "[executor]") {
    std::function<void()> ends_it;
    bool was_early = true;
    const auto main = [](std::function<void()>& kept, bool& early) -> task<bool> {
        const auto waiter = create_task([](std::function<void()>& k) -> task<> { co_await async_keep(k); }(kept));
        while (!kept) {
            co_await yield();
        }
        waiter.cancel();
        for (int i = 0; i < 10; ++i) {
            co_await yield();
        }
        early = waiter.done();
        std::exchange(kept, nullptr)();
        co_await wait(waiter.ref());
        co_return waiter.cancelled();
    };
    scheduler one{{.workers = 1}};
    CHECK(run(one, main(ends_it, was_early)));
    CHECK_FALSE(was_early);
}

TEST_CASE("use_task: a handler that is destroyed without a call breaks the promise", "[executor]") {
    const auto main = []() -> task<bool> {
        auto doomed = std::make_unique<asio::io_context>();
        std::atomic<bool> is_posted{false};  // a task waits already while it still starts the operation, on its worker
        const auto posts = [&is_posted](asio::io_context& io) -> task<> {
            const auto initiate = [&](auto handler) {
                asio::post(io, std::move(handler));
                is_posted = true;
            };
            co_await asio::async_initiate<const use_task_t, void()>(initiate, use_task);
        };
        const auto waiter = create_task(posts(*doomed));
        while (!is_posted) {
            co_await yield();
        }
        doomed.reset();
        try {
            co_await waiter;
        } catch (const broken_promise_error&) {
            co_return true;
        }
        co_return false;
    };
    CHECK(run(main()));
}

TEST_CASE("use_task: what starting the operation throws comes out of the await", "[executor]") {
    const auto main = []() -> task<std::string> {
        const auto fails = [](auto handler) {
            static_cast<void>(handler);
            throw std::runtime_error{"not today"};
        };
        try {
            co_await asio::async_initiate<const use_task_t, void()>(fails, use_task);
        } catch (const std::runtime_error& e) {
            co_return e.what();
        }
        co_return "";
    };
    CHECK(run(main()) == "not today");
}

TEST_CASE("use_task: outside of a worker there is no event loop of its own", "[executor]") {
    CHECK(scheduler::current() == nullptr);
    const auto main = []() -> task<bool> {
        scheduler& on = *scheduler::current();
        for (std::size_t i = 0; i < on.workers(); ++i) {
            if (&this_io() == &on.io(i)) {
                co_return true;
            }
        }
        co_return false;
    };
    CHECK(run(main()));
}
