/// \file
/// A result that somebody will set: asyncio.Future, split into the end that sets and the end that waits.
#pragma once

#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>

#include "gatherd/executor/detail/future_core.hpp"
#include "gatherd/executor/detail/outcome.hpp"
#include "gatherd/executor/errors.hpp"

namespace gatherd::executor {

template <typename T>
class future;

namespace detail {

template <typename T>
struct future_state final : future_core {
    using stored = std::conditional_t<std::is_void_v<T>, std::monostate, T>;
    static_assert(std::is_nothrow_move_constructible_v<stored>, "a result is set whole or not at all");
    std::optional<stored> value;
};

}  // namespace detail

/// The end that waits. Copies refer to the same result; any number of tasks may await it, and all get it. An exception
/// that none of them saw is reported: see unretrieved_exception.hpp.
///
/// After CPython 3.11's asyncio/futures.py. Cancelling a task that awaits a future cancels the future, as there, and
/// with it everybody who awaits it.
///
/// Threads: all are safe from any; awaiting is for tasks. Waiting allocates nothing.
template <typename T = void>
class [[nodiscard]] future {
    using stored = typename detail::future_state<T>::stored;

public:
    explicit future(std::shared_ptr<detail::future_state<T>> state) noexcept : state_{std::move(state)} {}

    /// Whether it has a result or an exception, or was cancelled.
    [[nodiscard]] bool done() const noexcept { return state_->done(); }
    [[nodiscard]] bool cancelled() const noexcept { return state_->cancelled(); }

    /// Those who await it get CancelledError. False: it is done, or about to be.
    bool cancel(const std::string& message = {}) const noexcept { return state_->cancel(message); }

    /// The result, or raises its exception; invalid_state_error when it is not done. A reference, valid for as long as
    /// a future or the promise lives.
    auto result() const& -> const stored& {
        if (const auto failure = exception()) {
            std::rethrow_exception(failure);
        }
        return *state_->value;
    }

    /// Of a future that goes away, the result by value: a copy, since others may read it; moved out if it cannot be
    /// copied.
    [[nodiscard]] T result() && { return value(); }

    /// Its exception, CancelledError included, or null. Throws invalid_state_error when it is not done.
    [[nodiscard]] std::exception_ptr exception() const { return state_->exception(); }

    /// `co_await f`: waits until it is done; gives its result, as a reference that is valid for as long as a future or
    /// the promise lives, or raises its exception.
    auto operator co_await() const& noexcept { return awaiter<false>{*this}; }

    /// `co_await p.get_future()`: as above, for a future that goes away: the result by value, as result() gives it.
    auto operator co_await() const&& noexcept { return awaiter<true>{*this}; }

    [[nodiscard]] const std::shared_ptr<detail::future_state<T>>& state() const noexcept { return state_; }

private:
    template <bool ByValue>
    struct awaiter : detail::future_core::wait_awaiter {
        explicit awaiter(const future& future) noexcept : wait_awaiter{*future.state_}, awaited{future} {}
        decltype(auto) await_resume() const {
            wait_awaiter::await_resume();
            if constexpr (ByValue) {
                return awaited.value();
            } else if constexpr (std::is_void_v<T>) {
                static_cast<void>(awaited.result());
            } else {
                return awaited.result();
            }
        }
        executor::future<T> awaited;
    };

    [[nodiscard]] T value() const {
        static_cast<void>(result());  // raises
        if constexpr (detail::is_copyable_result<T>) {
            return *state_->value;
        } else if constexpr (!std::is_void_v<T>) {
            return std::move(*state_->value);
        }
    }

    std::shared_ptr<detail::future_state<T>> state_;
};

/// The end that sets, once. Going away without having set anything breaks the promise: broken_promise_error.
///
/// Threads: safe from any, worker or not; of several who set, one does. One allocation, shared with the futures.
template <typename T = void>
class promise {
    using stored = typename detail::future_state<T>::stored;

public:
    promise() : state_{std::make_shared<detail::future_state<T>>()} {}
    promise(promise&&) noexcept = default;
    promise& operator=(promise other) noexcept {
        std::swap(state_, other.state_);
        return *this;
    }
    ~promise() {
        if (state_ != nullptr) {
            state_->break_promise();
        }
    }

    [[nodiscard]] future<T> get_future() const noexcept { return future<T>{state_}; }

    /// Throws invalid_state_error when there is an outcome already, a cancellation being one.
    void set_result(stored value) requires(!std::is_void_v<T>) { check(try_set_result(std::move(value))); }
    void set_result() requires(std::is_void_v<T>) { check(try_set_result()); }
    void set_exception(std::exception_ptr failure) { check(try_set_exception(std::move(failure))); }

    /// As those; but false when there is an outcome already: for who cannot know whether the other end cancels.
    [[nodiscard]] bool try_set_result(stored value = {}) noexcept requires(std::is_void_v<T>) {
        return set(std::move(value));
    }
    [[nodiscard]] bool try_set_result(stored value) noexcept requires(!std::is_void_v<T>) {
        return set(std::move(value));
    }
    [[nodiscard]] bool try_set_exception(std::exception_ptr failure) noexcept {
        return state_->try_set_exception(std::move(failure));
    }

private:
    bool set(stored value) noexcept {
        if (!state_->claim()) {
            return false;
        }
        state_->value.emplace(std::move(value));
        state_->publish();
        return true;
    }

    static void check(bool was_set) {
        if (!was_set) {
            throw invalid_state_error{"the future is done"};
        }
    }

    std::shared_ptr<detail::future_state<T>> state_;
};

}  // namespace gatherd::executor
