// Operations of Asio, callbacks and scopes, cancelled at any moment by other threads.
#include <asio/buffer.hpp>
#include <asio/local/connect_pair.hpp>
#include <asio/local/stream_protocol.hpp>
#include <asio/read.hpp>
#include <asio/steady_timer.hpp>
#include <asio/write.hpp>
#include <atomic>
#include <catch2/catch.hpp>
#include <chrono>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "gatherd/executor/async_scope.hpp"
#include "gatherd/executor/create_task.hpp"
#include "gatherd/executor/run.hpp"
#include "gatherd/executor/run_coroutine_threadsafe.hpp"
#include "gatherd/executor/sleep.hpp"
#include "gatherd/executor/stop_token.hpp"
#include "gatherd/executor/to_thread.hpp"
#include "gatherd/executor/use_task.hpp"
#include "gatherd/executor/wait.hpp"

using namespace gatherd::executor;
using namespace std::chrono_literals;
using stream = asio::local::stream_protocol::socket;

namespace {

/// What tasks did: each ends by one of these.
struct tally {
    std::atomic<int> done{0};
    std::atomic<int> cancelled{0};
    std::atomic<int> wrong{0};
};

task<> counts(task<> body, tally& ends) {
    try {
        co_await std::move(body);
        ++ends.done;
    } catch (const cancelled_error&) {
        ++ends.cancelled;
    } catch (...) {
        ++ends.wrong;
    }
}

task<> sleeps(asio::io_context& io, std::chrono::microseconds delay) {
    asio::steady_timer timer{io, delay};
    co_await timer.async_wait(use_task);
}

/// Reads `length` bytes that another task writes one by one: an operation of many steps, in a buffer of this frame.
task<> talks(asio::io_context& io, std::size_t length, std::atomic<std::size_t>& written) {
    stream ours{io};
    stream theirs{io};
    asio::local::connect_pair(ours, theirs);
    const auto writes = [](stream& to, std::size_t bytes, std::atomic<std::size_t>& count) -> task<> {
        for (std::size_t i = 0; i < bytes; ++i) {
            co_await asio::async_write(to, asio::buffer("x", 1), use_task);
            ++count;
            co_await yield();
        }
    };
    const auto writer = create_task(writes(ours, length, written));
    std::exception_ptr failure;
    std::string buffer(length, ' ');
    try {
        co_await asio::async_read(theirs, asio::buffer(buffer), use_task);
    } catch (...) {
        failure = std::current_exception();
    }
    while (!writer.done()) {
        try {
            co_await wait(writer.ref());
        } catch (const cancelled_error&) {
        }
    }
    if (failure) {
        std::rethrow_exception(failure);
    }
}

task<> polls() {
    const auto body = [token = this_stop_token()] {
        while (!token.stop_requested()) {
            std::this_thread::yield();
        }
    };
    co_await to_thread(body);
}

}  // namespace

TEST_CASE("use_task: cancelled at any moment, each operation ends once, and uses nothing afterwards", "[stress]") {
    const auto seed = std::random_device{}();
    CAPTURE(seed);
    std::mt19937 random{seed};
    scheduler on{{.workers = 3}};
    tally ends;
    constexpr int rounds = 300;
    constexpr std::size_t tasks = 8;
    for (int round = 0; round < rounds; ++round) {
        const std::size_t length = round % 2 == 0 ? 100 : 2;  // cancelled on the way, or at the start
        std::atomic<std::size_t> written{0};
        async_scope scope{on};
        std::vector<task_handle<>> handles;
        for (std::size_t i = 0; i < tasks; ++i) {
            asio::io_context& io = on.io(random() % on.workers());
            task<> body =
                i % 2 == 0 ? sleeps(io, std::chrono::microseconds{random() % 200}) : talks(io, length, written);
            handles.push_back(scope.spawn(counts(std::move(body), ends)));
        }
        const std::size_t enough = random() % (tasks / 2 * length);  // all writers together get there
        while (written < enough) {
            std::this_thread::yield();
        }
        for (const auto& each : handles) {
            each.cancel();
        }
        scope.wait();
    }
    // One that was cancelled before its first step has counted nothing.
    CHECK(ends.done + ends.cancelled <= rounds * static_cast<int>(tasks));
    CHECK(ends.wrong == 0);
}

TEST_CASE("async_scope: threads spawn, cancel and wait at the same time", "[stress]") {
    scheduler on{{.workers = 3}};
    for (int round = 0; round < 200; ++round) {
        async_scope scope{on};
        std::atomic<int> ended{0};
        std::atomic<int> spawned{0};
        std::vector<std::jthread> threads;
        for (int t = 0; t < 3; ++t) {
            threads.emplace_back([&, t] {
                try {
                    for (int i = 0; i < 20; ++i) {
                        const auto result = run_coroutine_threadsafe(scope, [](std::atomic<int>& n, int k) -> task<> {
                            if (k % 3 == 0) {
                                co_await sleep(1us);
                            }
                            ++n;
                        }(ended, i));
                        ++spawned;
                        if (i % 5 == t) {
                            result.cancel();
                        }
                        result.wait();
                    }
                } catch (const std::logic_error&) {  // it has been joined meanwhile
                }
            });
        }
        if (round % 2 == 0) {
            threads.clear();
        }
        scope.wait();
        threads.clear();
        if (ended > spawned || scope.size() != 0) {
            FAIL("more ends than tasks");
        }
    }
}

TEST_CASE("this_stop_token: a poll on a thread ends by each cancel, however early", "[stress]") {
    scheduler on{{.workers = 2}};
    for (int round = 0; round < 500; ++round) {
        async_scope scope{on};
        const auto polling = scope.spawn(polls());
        if (round % 3 != 0) {
            std::this_thread::yield();
        }
        polling.cancel();
        scope.wait();
        if (!polling.cancelled()) {
            FAIL("not cancelled");
        }
    }
}
