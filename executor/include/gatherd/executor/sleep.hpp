/// \file
/// Waiting for time to pass: asyncio.sleep.
#pragma once

#include <chrono>
#include <coroutine>

#include "gatherd/executor/detail/task_state.hpp"
#include "gatherd/executor/detail/timer_wheel.hpp"

namespace gatherd::executor {

/// Awaits a moment, or with no moment just lets the others run once. Lives in the awaiting frame: no allocation.
class [[nodiscard]] sleep_awaiter : public wait_point, private timer_node {
public:
    explicit sleep_awaiter(std::chrono::nanoseconds delay) noexcept : timer_node{&fired} {
        deadline_ = clock::time_point{delay};
    }
    sleep_awaiter(sleep_awaiter&& other) noexcept : sleep_awaiter{other.delay()} {}  // g++ 12 asks for it; never armed

    [[nodiscard]] bool await_ready() const noexcept { return false; }
    bool await_suspend(detail::awaiting_coroutine at) noexcept {
        task_state& task = task_state::current();
        if (delay().count() > 0) {
            return task.suspend(at, *this);
        }
        return task.go_to_the_end_of_the_line(at);
    }
    void await_resume() const { task_state::current().throw_if_cancelled(); }

    bool arm(task_state& waiter) noexcept override;
    cancellation cancel(task_refs& awaited) noexcept override;
    void describe(wait_description& into) noexcept override {
        into.kind = "sleep";
        into.until = deadline_;
    }

private:
    static void fired(timer_node& self) noexcept;

    /// Before it is armed it stands where the deadline will: a million sleepers are 8 MB smaller.
    [[nodiscard]] std::chrono::nanoseconds delay() const noexcept { return deadline_.time_since_epoch(); }
};

/// `co_await sleep(d)`: the task goes on after `d`, never earlier; its worker does other things meanwhile.
/// Of at most zero it only lets every task that is ready go first. Raises cancelled_error when the task is cancelled.
inline sleep_awaiter sleep(std::chrono::nanoseconds delay) noexcept {
    return sleep_awaiter{delay};
}

/// `co_await sleep_until(t)`: as sleep, until that moment; at once, but for yielding, if it has passed.
inline sleep_awaiter sleep_until(clock::time_point when) noexcept {
    return sleep_awaiter{when - clock::now()};
}

/// What yield() gives.
class [[nodiscard]] yield_awaiter {
public:
    using native_awaiter = void;

    [[nodiscard]] bool await_ready() const noexcept { return false; }
    bool await_suspend(detail::awaiting_coroutine at) const noexcept {
        return task_state::current().go_to_the_end_of_the_line(at);
    }
    void await_resume() const { task_state::current().throw_if_cancelled(); }
};

/// `co_await yield()`: lets every task that is ready go first: asyncio.sleep(0). A cancellation that comes meanwhile is
/// raised here.
inline yield_awaiter yield() noexcept {
    return {};
}

}  // namespace gatherd::executor
