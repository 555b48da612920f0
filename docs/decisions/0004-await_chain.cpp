/// \file
/// The measurement behind decision 0004: a coroutine awaits a million others that end at once, one after the other.
///
///     g++ -std=c++20 -O2 0004-await_chain.cpp -o await_chain && ./await_chain
///     g++ -std=c++20 -O2 -DSYMMETRIC 0004-await_chain.cpp -o await_chain && ./await_chain
#include <algorithm>
#include <chrono>
#include <coroutine>
#include <cstdio>
#include <cstdlib>

namespace {

using handle = std::coroutine_handle<>;

#ifdef SYMMETRIC
handle go_on_with(handle at) {
    return at ? at : handle{std::noop_coroutine()};
}
void run(handle at) {
    at.resume();
}
#else
handle next_slot;  // what the loop resumes next
void go_on_with(handle at) {
    next_slot = at;
}
void run(handle at) {
    while (at) {
        next_slot = nullptr;
        at.resume();
        at = next_slot;
    }
}
#endif

struct task {
    struct promise_type {
        struct final_awaiter {
            bool await_ready() noexcept { return false; }
            auto await_suspend(std::coroutine_handle<promise_type> ended) noexcept {
                return go_on_with(ended.promise().continuation);
            }
            void await_resume() noexcept {}
        };
        task get_return_object() { return task{std::coroutine_handle<promise_type>::from_promise(*this)}; }
        std::suspend_always initial_suspend() noexcept { return {}; }
        final_awaiter final_suspend() noexcept { return {}; }
        void unhandled_exception() { std::abort(); }
        void return_value(long result) { value = result; }

        handle continuation;
        long value = 0;
    };

    explicit task(std::coroutine_handle<promise_type> f) : frame{f} {}
    task(const task&) = delete;
    task& operator=(const task&) = delete;
    ~task() { frame.destroy(); }

    bool await_ready() { return false; }
    auto await_suspend(handle awaiting) {
        frame.promise().continuation = awaiting;
        return go_on_with(frame);
    }
    long await_resume() { return frame.promise().value; }

    std::coroutine_handle<promise_type> frame;
};

task leaf(long i) {
    co_return i & 1;
}

task root(long awaits) {
    long sum = 0;
    for (long i = 0; i < awaits; ++i) {
        sum += co_await leaf(i);
    }
    co_return sum;
}

}  // namespace

int main() {
    constexpr long awaits = 1'000'000;
    double best = 1e9;
    for (int round = 0; round < 7; ++round) {
        const auto began = std::chrono::steady_clock::now();
        const task all = root(awaits);
        run(all.frame);
        if (all.frame.promise().value != awaits / 2) {
            return EXIT_FAILURE;
        }
        const std::chrono::duration<double, std::nano> took = std::chrono::steady_clock::now() - began;
        best = std::min(best, took.count() / awaits);
    }
    std::printf("%.1f ns an await\n", best);
}
