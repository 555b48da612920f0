/// \file
/// Running a coroutine beside its creator: asyncio.create_task and the handle that it gives.
#pragma once

#include <coroutine>
#include <exception>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "executor/errors.hpp"
#include "executor/frame_pool.hpp"
#include "executor/task.hpp"
#include "executor/task_scope.hpp"
#include "executor/task_state.hpp"

namespace gatherd::executor {

/// Whether a value that a task returned stands for a failure; gather's fail-fast asks. Overload it, beside the type,
/// for results that carry errors as values.
template <typename T>
[[nodiscard]] constexpr bool is_failure(const T&) noexcept {
    return false;
}

/// Whether a value that a task returned stands for CancelledError. Overload it likewise.
template <typename T>
[[nodiscard]] constexpr bool is_cancellation(const T&) noexcept {
    return false;
}

namespace detail {

template <typename T>
class task_with_result final : public task_state, public pooled {
public:
    task_with_result(task_scope& scope, std::coroutine_handle<task_promise<T>> root) noexcept
        : task_state{scope}, root_{root} {}
    ~task_with_result() override {
        if (root_) {
            root_.destroy();
        }
    }

    [[nodiscard]] bool failed() const noexcept override {
        if constexpr (!std::is_void_v<T>) {
            if (const auto* value = std::get_if<1>(&outcome_)) {
                return is_failure(*value);
            }
        }
        return outcome_.index() == 2;
    }

    [[nodiscard]] bool cancelled() const noexcept override {
        if constexpr (!std::is_void_v<T>) {
            if (const auto* value = std::get_if<1>(&outcome_)) {
                return is_cancellation(*value);
            }
        }
        return is_cancelled_;
    }

    [[nodiscard]] std::coroutine_handle<> root() const noexcept { return root_; }

    /// The result, for any number of readers. Only after the end.
    [[nodiscard]] auto& result() const {
        if (const auto* failure = std::get_if<2>(&outcome_)) {
            std::rethrow_exception(*failure);
        }
        return std::get<1>(outcome_);
    }

    [[nodiscard]] std::exception_ptr exception() const noexcept {
        const auto* failure = std::get_if<2>(&outcome_);
        return failure == nullptr ? nullptr : *failure;
    }

private:
    using stored = std::conditional_t<std::is_void_v<T>, std::monostate, T>;

    void collect() noexcept override {
        try {
            if constexpr (std::is_void_v<T>) {
                root_.promise().take();
                outcome_.template emplace<1>();
            } else {
                outcome_.template emplace<1>(root_.promise().take());
            }
        } catch (const cancelled_error&) {
            is_cancelled_ = true;
            outcome_.template emplace<2>(std::current_exception());
        } catch (...) {  // the edge of the task: it waits here for who awaits it
            outcome_.template emplace<2>(std::current_exception());
        }
        std::exchange(root_, nullptr).destroy();
    }

    void collect_cancelled(const std::string& message) noexcept override {
        is_cancelled_ = true;
        outcome_.template emplace<2>(std::make_exception_ptr(cancelled_error{message}));
        std::exchange(root_, nullptr).destroy();
    }

    std::coroutine_handle<task_promise<T>> root_;
    std::variant<std::monostate, stored, std::exception_ptr> outcome_;
    bool is_cancelled_ = false;  // the exception is a cancelled_error
};

/// Waits for a task's end, and passes a cancellation on to it.
class task_awaiter : public wait_point, private completion {
public:
    explicit task_awaiter(task_ref awaited) noexcept : completion{&fired}, awaited_{std::move(awaited)} {}

    [[nodiscard]] bool await_ready() const noexcept { return awaited_->ended(); }
    bool await_suspend(std::coroutine_handle<> at) noexcept { return task_state::current().suspend(at, *this); }
    void await_resume() const { task_state::current().throw_if_cancelled(); }

    bool arm(task_state& waiter) noexcept override {
        waiter_ = &waiter;
        return awaited_->add_completion(*this);
    }
    cancellation cancel(std::vector<task_ref>& awaited) noexcept override {
        if (!awaited_->ended()) {
            awaited.push_back(awaited_);
        }
        return cancellation::forwarded;
    }

private:
    static void fired(completion& self, task_state&) noexcept { static_cast<task_awaiter&>(self).waiter_->resume(); }

    task_ref awaited_;
    task_state* waiter_ = nullptr;
};

}  // namespace detail

/// `co_await await_end(task)`: waits for its end, whatever that is, and raises nothing of it. Cancelling the awaiting
/// task cancels it, as awaiting a handle does; unlike wait(task), which leaves it alone.
inline detail::task_awaiter await_end(task_ref task) {
    return detail::task_awaiter{std::move(task)};
}

/// A running task: asyncio's Task. Copies refer to the same task; dropping all of them does not end it.
///
/// Threads: done, cancel and the readers are safe from any; awaiting is for coroutines of the same scheduler.
template <typename T = void>
class task_handle {
public:
    task_handle() = default;
    /// Takes over the reference of who made it.
    explicit task_handle(detail::task_with_result<T>& made) noexcept : state_{&made, task_ref::adopted{}} {}

    /// Whether it has ended: returned, raised or been cancelled.
    [[nodiscard]] bool done() const noexcept { return state_->ended(); }

    /// Asks it to end by CancelledError, raised where it waits. False: it has ended. See task_state::cancel.
    bool cancel(const std::string& message = {}) const noexcept { return state_->cancel(message); }

    /// Its result, or raises its exception. Only when done().
    decltype(auto) result() const { return state().result(); }

    /// Its exception, or null. Only when done().
    [[nodiscard]] std::exception_ptr exception() const noexcept { return state().exception(); }

    /// Whether it ended by an exception, CancelledError included. Only when done().
    [[nodiscard]] bool failed() const noexcept { return state_->failed(); }

    /// Whether it ended by CancelledError. Only when done().
    [[nodiscard]] bool cancelled() const noexcept { return state_->cancelled(); }

    /// `co_await handle`: waits for its end; its result by reference, or raises its exception. Cancelling the
    /// awaiting task cancels this one.
    auto operator co_await() const noexcept {
        struct awaiter : detail::task_awaiter {
            explicit awaiter(const task_handle& handle) noexcept
                : task_awaiter{handle.state_}, target{handle.state()} {}
            decltype(auto) await_resume() const {
                task_awaiter::await_resume();
                if constexpr (std::is_void_v<T>) {
                    static_cast<void>(target.result());
                } else {
                    return target.result();
                }
            }
            detail::task_with_result<T>& target;
        };
        return awaiter{*this};
    }

    /// Starts a prepared task, once; see create_task_in.
    void start(bool soon) const { state_->start(state().root(), soon); }

    [[nodiscard]] const task_ref& ref() const noexcept { return state_; }
    [[nodiscard]] task_ref take_ref() && noexcept { return std::move(state_); }
    explicit operator bool() const noexcept { return static_cast<bool>(state_); }

private:
    [[nodiscard]] detail::task_with_result<T>& state() const noexcept {
        return static_cast<detail::task_with_result<T>&>(*state_);
    }

    task_ref state_;
};

/// Makes a task of the given scope that has yet to be started: so that completions can be linked before it may end.
/// It must be started.
template <typename T>
task_handle<T> prepare_task_in(task_scope& scope, task<T> coroutine) {
    return task_handle<T>{*new detail::task_with_result<T>{scope, coroutine.release()}};
}

/// Starts a coroutine as a task of the given scope. From any thread. `soon`: the calling worker will run it when its
/// present work is done, so that nobody needs to be woken for it.
template <typename T>
task_handle<T> create_task_in(task_scope& scope, task<T> coroutine, bool soon = false) {
    task_handle<T> handle = prepare_task_in(scope, std::move(coroutine));
    handle.start(soon);
    return handle;
}

/// Starts a coroutine as a task beside the running one, in its scope: asyncio.create_task. Only inside a task.
template <typename T>
task_handle<T> create_task(task<T> coroutine) {
    return create_task_in(task_state::current().scope(), std::move(coroutine));
}

}  // namespace gatherd::executor
