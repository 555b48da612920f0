/// \file
/// Awaiting an interface that reports by a callback, such as one of C.
#pragma once

#include <exception>
#include <memory>
#include <utility>
#include <vector>

#include "gatherd/executor/detail/future_core.hpp"
#include "gatherd/executor/future.hpp"

namespace gatherd::executor {

/// What from_callback gives to the function that starts the operation: `done(result)`, or `done()` without a result.
/// Copies mean the same call, of which the first counts. When the last copy is gone without a call, the awaiting task
/// gets broken_promise_error.
///
/// Threads: copies may be called from any thread.
template <typename T>
class callback {
public:
    explicit callback(promise<T> result) : result_{std::make_shared<promise<T>>(std::move(result))} {}

    /// False: it was called before.
    template <typename... Result>
    bool operator()(Result&&... result) const {
        return result_->try_set_result(std::forward<Result>(result)...);
    }

    /// The await raises this. False: it was called before.
    bool set_exception(std::exception_ptr failure) const noexcept {
        return result_->try_set_exception(std::move(failure));
    }

private:
    std::shared_ptr<promise<T>> result_;
};

namespace detail {

template <typename T>
class [[nodiscard]] callback_awaiter : public future_core::wait_awaiter {
public:
    explicit callback_awaiter(std::shared_ptr<future_state<T>> state) noexcept
        : wait_awaiter{*state}, state_{std::move(state)} {}

    T await_resume() {
        wait_awaiter::await_resume();
        if (const auto failure = state_->exception()) {
            std::rethrow_exception(failure);
        }
        if constexpr (!std::is_void_v<T>) {
            return std::move(*state_->value);
        }
    }

    /// The operation may still write to what the frame holds: so the request is kept until it has ended.
    cancellation cancel(task_refs&) noexcept override { return cancellation::too_late; }

private:
    std::shared_ptr<future_state<T>> state_;
};

}  // namespace detail

/// `T result = co_await from_callback<T>([&](auto done) { c_api(..., done); });`: calls the function at once, with a
/// callback<T>, and waits until that is called. What the function throws comes out of the call.
///
/// The operation has ended when this returns, so it may use variables of the awaiting coroutine. A cancellation waits
/// for that too, and is raised in place of the result. To end the operation early, let a std::stop_callback on
/// this_stop_token() do so.
///
/// Cost: two allocations.
template <typename T = void, typename Start>
detail::callback_awaiter<T> from_callback(Start&& start) {
    promise<T> result;
    auto state = result.get_future().state();
    std::forward<Start>(start)(callback<T>{std::move(result)});
    return detail::callback_awaiter<T>{std::move(state)};
}

}  // namespace gatherd::executor
