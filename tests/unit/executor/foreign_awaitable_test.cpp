#include <atomic>
#include <catch2/catch.hpp>
#include <coroutine>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "gatherd/executor/create_task.hpp"
#include "gatherd/executor/event.hpp"
#include "gatherd/executor/run.hpp"
#include "gatherd/executor/sleep.hpp"
#include "gatherd/executor/wait.hpp"
#include "tests/unit/executor/serially.hpp"

using namespace gatherd::executor;

namespace {

/// Threads that resume coroutines. It outlives those: a coroutine may have ended before `start` returns.
class resumers {
public:
    ~resumers() {
        for (std::thread& each : threads_) {
            each.join();
        }
    }
    void start(std::coroutine_handle<> at) {
        const std::lock_guard guard{lock_};
        threads_.emplace_back([at] { at.resume(); });
    }

private:
    std::mutex lock_;
    std::vector<std::thread> threads_;
};

/// Resumed by a thread of its own.
struct by_thread {
    resumers& threads;
    std::mutex immovable{};

    [[nodiscard]] bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<> at) const { threads.start(at); }
    [[nodiscard]] int await_resume() const noexcept { return 5; }
};

/// Resumed inside await_suspend.
struct inside {
    [[nodiscard]] bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<> at) const { at.resume(); }
    [[nodiscard]] int await_resume() const noexcept { return 1; }
};

/// Not suspended after all.
struct declined {
    [[nodiscard]] bool await_ready() const noexcept { return false; }
    bool await_suspend(std::coroutine_handle<>) const noexcept { return false; }
    [[nodiscard]] int await_resume() const noexcept { return 10; }
};

/// Gives control to the coroutine that it was given.
struct transferred {
    [[nodiscard]] bool await_ready() const noexcept { return false; }
    std::coroutine_handle<> await_suspend(std::coroutine_handle<> at) const noexcept { return at; }
    [[nodiscard]] int await_resume() const noexcept { return 100; }
};

/// A lazy coroutine type as other libraries have it, with symmetric transfer to and from who awaits it.
class lazy {
public:
    struct promise_type {
        struct final_awaiter {
            [[nodiscard]] bool await_ready() const noexcept { return false; }
            std::coroutine_handle<> await_suspend(std::coroutine_handle<promise_type> at) const noexcept {
                return at.promise().continuation;
            }
            void await_resume() const noexcept {}
        };
        lazy get_return_object() noexcept { return lazy{std::coroutine_handle<promise_type>::from_promise(*this)}; }
        std::suspend_always initial_suspend() const noexcept { return {}; }
        final_awaiter final_suspend() const noexcept { return {}; }
        void return_value(int v) noexcept { value = v; }
        void unhandled_exception() noexcept { std::terminate(); }
        int value = 0;
        std::coroutine_handle<> continuation;
    };

    explicit lazy(std::coroutine_handle<promise_type> frame) noexcept : frame_{frame} {}
    lazy(const lazy&) = delete;
    lazy& operator=(const lazy&) = delete;
    ~lazy() { frame_.destroy(); }

    [[nodiscard]] bool await_ready() const noexcept { return false; }
    std::coroutine_handle<> await_suspend(std::coroutine_handle<> at) noexcept {
        frame_.promise().continuation = at;
        return frame_;
    }
    [[nodiscard]] int await_resume() const noexcept { return frame_.promise().value; }

private:
    std::coroutine_handle<promise_type> frame_;
};

lazy lazily(resumers& threads) {
    const int five = co_await by_thread{threads};
    co_return 1000 * five;
}

/// Has a free operator co_await, and no members.
struct by_operator {
    resumers& threads;
};
by_thread operator co_await(by_operator&& awaited) {
    return {awaited.threads};
}

struct fails_late {
    [[nodiscard]] bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<> at) const { at.resume(); }
    void await_resume() const { throw std::runtime_error{"late"}; }
};

struct fails_early {
    [[nodiscard]] bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<>) const { throw std::runtime_error{"early"}; }
    void await_resume() const noexcept {}
};

/// Keeps the handle for the test. What await_resume gives counts itself.
struct held {
    std::coroutine_handle<>& at;
    std::atomic<int>& alive;

    struct counted {
        std::atomic<int>& alive;
        explicit counted(std::atomic<int>& count) noexcept : alive{count} { ++alive; }
        counted(const counted&) = delete;
        counted& operator=(const counted&) = delete;
        ~counted() { --alive; }
    };

    [[nodiscard]] bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<> given) const noexcept { at = given; }
    [[nodiscard]] counted await_resume() const noexcept {
        alive += 10;
        return counted{alive};
    }
};

task<int> from_a_thread(resumers& threads, int rounds) {
    int sum = 0;
    for (int i = 0; i < rounds; ++i) {
        sum += co_await by_thread{threads};
        sum += worker::current() != nullptr ? 1 : 0;
    }
    co_return sum;
}

task<int> all_ways(resumers& threads) {
    co_await std::suspend_never{};
    int sum = co_await inside{};
    sum += co_await declined{};
    sum += co_await transferred{};
    sum += co_await lazily(threads);
    sum += co_await by_operator{threads};
    co_return sum;
}

task<std::string> failures() {
    std::string said;
    try {
        co_await fails_early{};
    } catch (const std::runtime_error& e) {
        said += e.what();
    }
    try {
        co_await fails_late{};
    } catch (const std::runtime_error& e) {
        said += e.what();
    }
    co_return said;
}

task<> holds(std::coroutine_handle<>& at, std::atomic<int>& alive) {
    const auto result = co_await held{at, alive};
}

task<std::string> cancelled() {
    std::coroutine_handle<> at;
    std::atomic<int> alive{0};
    const auto waiting = create_task(holds(at, alive));
    co_await yield();
    waiting.cancel();
    co_await yield();
    std::string said = waiting.done() ? "gone " : "waits ";
    at.resume();
    co_await wait(waiting.ref());
    said += waiting.cancelled() ? "cancelled " : "carried on ";
    co_return said + std::to_string(alive);
}

task<int> many_in_a_row(int count) {
    int sum = 0;
    for (int i = 0; i < count; ++i) {
        sum += co_await transferred{};
    }
    co_return sum;
}

}  // namespace

TEST_CASE("a coroutine of another library cannot await what a task can", "[executor]") {
    struct foreign_promise {};
    using detail::awaiting_coroutine;
    STATIC_REQUIRE(std::is_constructible_v<awaiting_coroutine, std::coroutine_handle<detail::task_promise<int>>>);
    STATIC_REQUIRE_FALSE(std::is_constructible_v<awaiting_coroutine, std::coroutine_handle<foreign_promise>>);
    STATIC_REQUIRE_FALSE(std::is_constructible_v<awaiting_coroutine, std::coroutine_handle<>>);
}

TEST_CASE("foreign awaitable: one that another thread resumes goes on in a worker", "[executor]") {
    resumers threads;
    scheduler on{{.workers = 2}};
    CHECK(run(on, from_a_thread(threads, 200)) == 200 * 6);
}

TEST_CASE("foreign awaitable: resumed inside, declined, transferred, through a coroutine type and an operator",
          "[executor]") {
    resumers threads;
    CHECK(run(all_ways(threads)) == 1 + 10 + 100 + 5000 + 5);
}

TEST_CASE("foreign awaitable: what it throws comes out of the co_await", "[executor]") {
    CHECK(run(failures()) == "earlylate");
}

TEST_CASE("foreign awaitable: a cancelled task waits for it, drops its result and ends cancelled", "[executor]") {
    CHECK(serially(cancelled()) == "waits cancelled 10");
}

TEST_CASE("foreign awaitable: a hundred thousand in a row do not grow the stack", "[executor]") {
    CHECK(serially(many_in_a_row(100'000)) == 10'000'000);
}
