/// \file
/// A time limit on a part of a coroutine: asyncio.timeout and timeout_at.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

#include "gatherd/executor/detail/time_after.hpp"
#include "gatherd/executor/detail/timer_wheel.hpp"
#include "gatherd/executor/errors.hpp"
#include "gatherd/executor/task.hpp"

namespace gatherd::executor {

/// A deadline of the running task: when it passes, the task is cancelled. What timeout gives to its body.
///
/// After CPython's asyncio/timeouts.py, as it is since 3.11.3. As there, whether a CancelledError is this deadline's is
/// told from the task's count of requests: nested ones, and cancellations from elsewhere, are kept apart; also in the
/// clean-up of a task that was cancelled before.
///
/// Threads: for the task alone. One allocation, which the timer wheel shares.
class timeout_scope {
public:
    /// Begins, in the running task. None: no limit.
    explicit timeout_scope(std::optional<clock::time_point> when);
    timeout_scope(const timeout_scope&) = delete;
    timeout_scope& operator=(const timeout_scope&) = delete;
    ~timeout_scope() { static_cast<void>(leave()); }

    [[nodiscard]] std::optional<clock::time_point> when() const noexcept { return when_; }

    /// Moves the deadline, or takes it away. Throws std::logic_error when it has passed.
    void reschedule(std::optional<clock::time_point> when);

    /// Whether the deadline has passed and the task been cancelled for it.
    [[nodiscard]] bool expired() const noexcept;

    /// Ends the limit; once. True: it has passed, and nobody else has cancelled the task since it began, so a
    /// CancelledError that is on its way is to become a timeout_error.
    [[nodiscard]] bool leave() noexcept;

private:
    class deadline;

    std::optional<clock::time_point> when_;
    std::shared_ptr<deadline> deadline_;
};

/// `co_await timeout_at(when, body)`: awaits `body(scope)` in the running task; its result. When the time comes first,
/// cancels what it awaits, and raises timeout_error when that has ended. A body that swallows the CancelledError gives
/// its result, and scope.expired() says so.
///
/// The closure lives until its coroutine has ended, so it may capture; but see to_thread about g++ 12 and closures
/// that are written inside the co_await.
template <typename Body>
std::invoke_result_t<Body&, timeout_scope&> timeout_at(std::optional<clock::time_point> when, Body body) {
    timeout_scope scope{when};
    try {
        co_return co_await body(scope);
    } catch (const cancelled_error&) {
        if (scope.leave()) {
            throw timeout_error{};
        }
        throw;
    }
}

/// `co_await timeout(delay, body)`: as timeout_at, so much from this call on. None: no limit.
template <typename Body>
std::invoke_result_t<Body&, timeout_scope&> timeout(std::optional<std::chrono::nanoseconds> delay, Body body) {
    return timeout_at(delay ? std::optional{time_after(*delay)} : std::nullopt, std::move(body));
}

}  // namespace gatherd::executor
