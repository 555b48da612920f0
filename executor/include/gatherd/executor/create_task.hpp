/// \file
/// Running a coroutine beside its creator: asyncio.create_task and the handle that it gives.
#pragma once

#include <atomic>
#include <coroutine>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "gatherd/executor/detail/frame_pool.hpp"
#include "gatherd/executor/detail/misuse.hpp"
#include "gatherd/executor/detail/outcome.hpp"
#include "gatherd/executor/detail/task_notes.hpp"
#include "gatherd/executor/detail/task_state.hpp"
#include "gatherd/executor/errors.hpp"
#include "gatherd/executor/task.hpp"
#include "gatherd/executor/task_scope.hpp"
#include "gatherd/executor/unretrieved_exception.hpp"

namespace gatherd::executor {

/// Whether a value that a task returned stands for a failure; wait_as_gather's fail-fast asks. Overload it, beside the
/// type, for results that carry errors as values.
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
class task_with_result : public task_state, public pooled {
public:
    task_with_result(task_scope& scope, std::coroutine_handle<task_promise<T>> root) noexcept
        : task_state{scope, root} {}
    ~task_with_result() override {
        if (has_value_) {
            value_.~kept();
        } else if (has_failure_) {
            if (!is_cancelled_ && !is_retrieved_.load(std::memory_order_relaxed)) {  // no other reference is left
                report_unretrieved(*this, failure_);
            }
            failure_.~exception_ptr();
        } else {
            unstarted_root().destroy();
        }
    }

    [[nodiscard]] bool failed() const noexcept override {
        if constexpr (std::is_object_v<T>) {
            if (has_value_) {
                return is_failure(value_);
            }
        }
        return has_failure_;
    }

    [[nodiscard]] bool cancelled() const noexcept override {
        if constexpr (std::is_object_v<T>) {
            if (has_value_) {
                return is_cancellation(value_);
            }
        }
        return is_cancelled_;
    }

    /// The result, for any number of readers. Only after the end.
    [[nodiscard]] auto& result() const {
        raise_failure();
        if constexpr (std::is_reference_v<T>) {
            return value_.get();
        } else {
            return value_;
        }
    }

    /// The result for the holder of a reference that goes away: moved out if that is the last reference, or if the
    /// result cannot be copied; else a copy, since others may read it.
    [[nodiscard]] T last_result() {
        if constexpr (is_copyable_result<T>) {
            if (!has_one_reference()) {
                return result();
            }
        }
        return take();
    }

    [[nodiscard]] std::exception_ptr exception() const noexcept override {
        ignore_exception();
        return has_failure_ ? failure_ : nullptr;
    }

    /// The result, moved out.
    [[nodiscard]] T take() {
        raise_failure();
        if constexpr (!std::is_void_v<T>) {
            return static_cast<T&&>(value_);  // moves, or gives the reference
        }
    }

    /// What it ends by, or ended by, needs no reader. Any time.
    void ignore_exception() const noexcept {
        is_retrieved_.store(true, std::memory_order_relaxed);
    }  // read after release()

private:
    using kept = stored<T>;

    void collect(std::coroutine_handle<> ended) noexcept override {
        const auto root = std::coroutine_handle<task_promise<T>>::from_address(ended.address());
        try {
            if constexpr (std::is_void_v<T>) {
                root.promise().take();
                std::construct_at(&value_);
            } else {
                std::construct_at(&value_, root.promise().take());
            }
            has_value_ = true;
        } catch (const cancelled_error&) {
            is_cancelled_ = true;
            fail(std::current_exception());
        } catch (...) {  // the edge of the task: it waits here for who awaits it
            fail(std::current_exception());
        }
        root.destroy();
    }

    void collect_cancelled(std::coroutine_handle<> unstarted, const std::string& message) noexcept override {
        is_cancelled_ = true;
        fail(std::make_exception_ptr(cancelled_error{message, newest_request()}));
        unstarted.destroy();
    }

    void cancel_result(const std::string& message) noexcept override {
        if (!failed()) {
            value_.~kept();
            has_value_ = false;
            is_cancelled_ = true;
            fail(std::make_exception_ptr(cancelled_error{message, request_in_hand()}));
        }
    }

    void fail(std::exception_ptr why) noexcept {
        std::construct_at(&failure_, std::move(why));
        has_failure_ = true;
    }

    void raise_failure() const {
        if (has_failure_) {
            ignore_exception();
            std::rethrow_exception(failure_);
        }
    }

    union {  // by has_value_ and has_failure_
        kept value_;
        std::exception_ptr failure_;
    };
};

/// Waits for a task's end, and passes a cancellation on to it. What it was given must live until it waits.
class task_awaiter : public wait_point, private continuation {
public:
    explicit task_awaiter(const task_ref& awaited) noexcept : continuation{&fired}, awaited_{*awaited} {}
    explicit task_awaiter(task_ref&& awaited) noexcept
        : continuation{&fired}, awaited_{*awaited}, kept_{std::move(awaited)} {}

    [[nodiscard]] bool await_ready() const {
        if (&task_state::current() == &awaited_) {
            throw std::logic_error{"Task cannot await on itself"};
        }
        return awaited_.ended() && worker::current()->spend_budget();
    }
    bool await_suspend(detail::awaiting_coroutine at) noexcept {
        awaited_.run_if_next();
        if (!kept_) {
            kept_ = task_ref{&awaited_};
        }
        task_state& task = task_state::current();
        // One that has yet to end is really waited for, and a cancellation is passed on to it.
        return awaited_.ended() ? task.suspend_within_budget(at, *this) : task.suspend(at, *this);
    }
    void await_resume() const { task_state::current().throw_if_cancelled(); }

    bool arm(task_state& waiter) noexcept override {
        waiter_ = &waiter;
        return awaited_.add_continuation(*this);
    }
    cancellation cancel(task_refs& awaited) noexcept override {
        if (!awaited_.ended()) {
            awaited.push_back(kept_);
        }
        return cancellation::forwarded;
    }
    void describe(wait_description& into) noexcept override {
        into.kind = "task";
        into.is_over = awaited_.ended();
        into.add(awaited_);
    }

protected:
    /// As await_resume, for who then raises what the task ended by.
    void await_result() const {
        task_state& awaiter = task_state::current();
        awaiter.throw_if_cancelled();
        if (awaited_.cancelled()) [[unlikely]] {
            awaiter.adopt_cancellation_of(awaited_);
        }
    }

    [[nodiscard]] task_state& awaited() const noexcept { return awaited_; }

    /// Stops waiting. False: the task has ended, and resumes this one.
    bool leave() noexcept { return awaited_.remove_continuation(*this); }

private:
    static void fired(continuation& self, task_state&) noexcept { static_cast<task_awaiter&>(self).waiter_->resume(); }

    task_state& awaited_;
    task_ref kept_;  // while it waits, or for its life
    task_state* waiter_ = nullptr;
};

}  // namespace detail

/// `co_await await_end(task)`: waits for its end, whatever that is, and raises nothing of it. Cancelling the awaiting
/// task cancels it, as awaiting a handle does; unlike wait(task), which leaves it alone.
inline detail::task_awaiter await_end(const task_ref& task) {
    return detail::task_awaiter{task};
}

/// A running task: asyncio's Task. Copies refer to the same task; dropping all of them does not end it.
///
/// Threads: done, cancel and the readers are safe from any; awaiting is for coroutines of the same scheduler.
template <typename T = void>
class task_handle {
public:
    task_handle() = default;
    explicit task_handle(detail::task_with_result<T>& state) noexcept : state_{&state} {}
    /// Takes over a reference that the caller has.
    task_handle(detail::task_with_result<T>& made, task_ref::adopted how) noexcept : state_{&made, how} {}

    /// Whether it has ended: returned, raised or been cancelled.
    [[nodiscard]] bool done() const noexcept { return state_->ended(); }

    /// Asks it to end by CancelledError, raised where it waits. False: it has ended, and what it raised needs no
    /// reader. See task_state::cancel.
    bool cancel(const std::string& message = {}) const noexcept {
        if (state_->cancel(message)) {
            return true;
        }
        ignore_exception();
        return false;
    }

    /// As task_state::cancelling and uncancel.
    [[nodiscard]] std::uint32_t cancelling() const noexcept { return state_->cancelling(); }
    std::uint32_t uncancel() const noexcept { return state_->uncancel(); }

    /// The name that it was given, else "Task-N", where N counts those that were asked.
    [[nodiscard]] std::string name() const { return state_->notes().name(); }
    void set_name(std::string name) const { state_->notes().set_name(std::move(name)); }

    /// Calls f(handle) once when the task has ended, on the worker that ended it and before what runs there next.
    /// Callbacks are called in the order in which they were added. create_task in a callback makes a task of the scope
    /// of the task that has ended.
    ///
    /// If the task has ended already, the callback is called before this returns, on the calling thread: create_task
    /// there does what it does for the caller, so it needs a caller that is a task.
    ///
    /// An exception that a callback throws is reported like one that nobody retrieved, under the name of the task.
    template <typename Function>
    callback_id add_done_callback(Function&& f) const;

    /// Takes a callback back. False: it was called, or is about to be.
    bool remove_done_callback(callback_id id) const noexcept { return state_->notes().remove(*state_, id); }

    /// Its result, or raises its exception; invalid_state_error before the end. A reference, valid for as long as a
    /// handle of the task lives.
    decltype(auto) result() const& { return done_state().result(); }

    /// Of a handle that goes away, the result by value: moved out if this is the last handle or if it cannot be copied,
    /// else a copy.
    [[nodiscard]] T result() && { return done_state().last_result(); }

    /// Its result by value, moved out, or raises its exception. For who knows that nobody else reads it.
    [[nodiscard]] T take() const { return done_state().take(); }

    /// An exception of this task needs no reader: it will not be reported as never retrieved.
    void ignore_exception() const noexcept { state().ignore_exception(); }

    /// Its exception, CancelledError included, or null. Throws invalid_state_error before the end.
    [[nodiscard]] std::exception_ptr exception() const { return done_state().exception(); }

    /// Whether it has ended by an exception, CancelledError included.
    [[nodiscard]] bool failed() const noexcept { return done() && state_->failed(); }

    /// Whether it has ended by CancelledError.
    [[nodiscard]] bool cancelled() const noexcept { return done() && state_->cancelled(); }

    /// `co_await handle`: waits for its end; gives its result, as a reference that is valid for as long as a handle of
    /// the task lives, or raises its exception. Cancelling the awaiting task cancels this one.
    auto operator co_await() const& noexcept {
        struct awaiter : detail::task_awaiter {
            explicit awaiter(const task_handle& handle) noexcept
                : task_awaiter{handle.state_}, target{handle.state()} {}
            decltype(auto) await_resume() const {
                task_awaiter::await_result();
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

    /// `co_await create_task(f())`, `co_await std::move(handle)`: as above, for a handle that goes away: the result by
    /// value, as result() gives it.
    auto operator co_await() && noexcept {
        struct awaiter : detail::task_awaiter {
            explicit awaiter(task_handle&& handle) noexcept
                : task_awaiter{std::move(handle.state_)},
                  target{static_cast<detail::task_with_result<T>&>(awaited())} {}
            T await_resume() const {
                task_awaiter::await_result();
                return target.last_result();
            }
            detail::task_with_result<T>& target;
        };
        return awaiter{std::move(*this)};
    }
    auto operator co_await() const&& noexcept { return task_handle{*this}.operator co_await(); }

    /// Starts a prepared task, once; see create_task_in.
    void start(bool soon) const { state_->start(soon); }

    /// A prepared task is not to be started after all: it goes with the last handle.
    void abandon() const noexcept { state_->release(); }

    [[nodiscard]] const task_ref& ref() const noexcept { return state_; }
    [[nodiscard]] task_ref take_ref() && noexcept { return std::move(state_); }
    explicit operator bool() const noexcept { return static_cast<bool>(state_); }

private:
    [[nodiscard]] detail::task_with_result<T>& state() const noexcept {
        return static_cast<detail::task_with_result<T>&>(*state_);
    }
    [[nodiscard]] detail::task_with_result<T>& done_state() const {
        if (!done()) [[unlikely]] {
            throw invalid_state_error{"Result is not set."};
        }
        return state();
    }

    task_ref state_;
};

namespace detail {

/// A callback of any type, for a task whose result is a T.
template <typename T, typename Function>
class typed_callback final : public done_callback {
public:
    explicit typed_callback(Function f) : f_{std::move(f)} {}
    void call(task_state& ended) noexcept override {
        try {
            (*f_)(task_handle<T>{static_cast<task_with_result<T>&>(ended)});
        } catch (...) {  // the edge of foreign code
            report_unretrieved(ended, std::current_exception());
        }
        f_.reset();
    }

private:
    std::optional<Function> f_;
};

}  // namespace detail

template <typename T>
template <typename Function>
callback_id task_handle<T>::add_done_callback(Function&& f) const {
    using callback = detail::typed_callback<T, std::decay_t<Function>>;
    return state_->notes().add(*state_, std::make_unique<callback>(std::forward<Function>(f)));
}

/// Makes a task of the given scope that has yet to be started: so that completions can be linked before it may end.
/// It must be started, or abandoned.
template <typename T>
task_handle<T> prepare_task_in(task_scope& scope, task<T> coroutine, std::string_view name = {}) {
    task_handle<T> made{*new detail::task_with_result<T>{scope, detail::release_once(coroutine)}, task_ref::adopted{}};
    if (!name.empty()) {
        try {
            made.set_name(std::string{name});
        } catch (...) {  // no memory: there is no such task
            made.abandon();
            throw;
        }
    }
    return made;
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
/// Without a name it costs none: see task_handle::name.
template <typename T>
task_handle<T> create_task(task<T> coroutine, std::string_view name = {}) {
    task_handle<T> handle = prepare_task_in(task_state::current().scope(), std::move(coroutine), name);
    handle.start(false);
    return handle;
}

}  // namespace gatherd::executor
