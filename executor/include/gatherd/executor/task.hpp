/// \file
/// The coroutine type: what `async def` gives in Python.
#pragma once

#include <coroutine>
#include <exception>
#include <type_traits>
#include <utility>

#include "gatherd/executor/detail/foreign_awaiter.hpp"
#include "gatherd/executor/detail/frame_pool.hpp"
#include "gatherd/executor/detail/misuse.hpp"
#include "gatherd/executor/detail/outcome.hpp"
#include "gatherd/executor/detail/worker.hpp"

namespace gatherd::executor {

template <typename T>
class task;

namespace detail {

/// Destroys a coroutine that never ran. It may own another by its parameters, and that one the next: a chain of any
/// length needs no stack.
void drop_unstarted(std::coroutine_handle<> frame) noexcept;

/// Destroys a coroutine that has ended.
struct ended_frame {
    explicit ended_frame(std::coroutine_handle<> ended) noexcept : frame{ended} {}
    ended_frame(const ended_frame&) = delete;
    ended_frame& operator=(const ended_frame&) = delete;
    ~ended_frame() { frame.destroy(); }

    std::coroutine_handle<> frame;
};

/// What promises of all result types share.
class promise_base : public pooled {
public:
    struct final_awaiter {
        [[nodiscard]] bool await_ready() const noexcept { return false; }
        template <typename Promise>
        void await_suspend(std::coroutine_handle<Promise> ended) const noexcept {
            worker& w = *worker::current();
            if (const auto awaiting = ended.promise().continuation) {
                w.transfer_to(awaiting);
            } else {
                w.end_root(ended);
            }
        }
        void await_resume() const noexcept {}
    };

    [[nodiscard]] std::suspend_always initial_suspend() const noexcept { return {}; }
    [[nodiscard]] final_awaiter final_suspend() const noexcept { return {}; }

    /// So that a task can also await what other libraries made.
    template <typename Awaitable>
    decltype(auto) await_transform(Awaitable&& awaited) const {
        return transform_awaitable(std::forward<Awaitable>(awaited));
    }

    std::coroutine_handle<> continuation;  ///< who awaits it; none for a task's root
};

template <typename T>
class task_promise : public promise_base {
    static_assert(alignof(T) <= frame_pool::strongest_alignment,
                  "no frame is aligned more strongly: keep it behind a pointer");

public:
    task<T> get_return_object() noexcept;
    void unhandled_exception() noexcept { outcome_.set_failure(std::current_exception()); }
    template <typename U = T>  // the default is for `co_return {1, 2}`
    requires std::is_convertible_v<U&&, T>
    void return_value(U&& result) { outcome_.set_value(std::forward<U>(result)); }
    T take() {
        if (outcome_.has_failed()) [[unlikely]] {
            std::rethrow_exception(std::move(outcome_.failure()));
        }
        return static_cast<T&&>(outcome_.value());  // moves, or gives the reference
    }

private:
    outcome<stored<T>> outcome_;
};

template <>
class task_promise<void> : public promise_base {
public:
    task<void> get_return_object() noexcept;
    void unhandled_exception() noexcept { failure_ = std::current_exception(); }
    void return_void() const noexcept {}
    void take() {
        if (failure_) {
            std::rethrow_exception(std::move(failure_));
        }
    }

private:
    std::exception_ptr failure_;
};

}  // namespace detail

/// A coroutine that has not started: it does so when it is awaited, or given to create_task, once either way.
///
/// Awaiting it runs it inside the awaiting task, as `await coroutine()` does in Python: no scheduling, no thread
/// change, 4 ns and its frame. Its parameters are copied into the frame: pass by value, or by reference to what
/// outlives it. Destroying one that never ran is fine.
template <typename T = void>
class [[nodiscard]] task {
public:
    using promise_type = detail::task_promise<T>;
    using value_type = T;

    explicit task(std::coroutine_handle<promise_type> frame) noexcept : frame_{frame} {}
    task(task&& other) noexcept : frame_{std::exchange(other.frame_, nullptr)} {}
    task& operator=(task&& other) noexcept {
        std::swap(frame_, other.frame_);
        return *this;
    }
    ~task() {
        if (frame_) {
            detail::drop_unstarted(frame_);
        }
    }

    /// `co_await std::move(t)`: runs it, gives its result or raises its exception.
    auto operator co_await() && noexcept {
        struct awaiter {
            using native_awaiter [[maybe_unused]] = void;
            task& awaited;
            [[nodiscard]] bool await_ready() const noexcept {
                if (!awaited.frame_ || awaited.frame_.promise().continuation) {
                    end_for_misuse("a coroutine is awaited or made a task once");
                }
                if (worker::current() == nullptr || worker::current()->running == nullptr) {
                    end_for_misuse("only inside a task");
                }
                return false;
            }
            void await_suspend(detail::awaiting_coroutine awaiting) const noexcept {
                awaited.frame_.promise().continuation = awaiting;
                worker::current()->transfer_to(awaited.frame_);
            }
            // The frame goes with its result, not with the task object: one that owns the coroutine that it awaits,
            // which owns the next, would otherwise end with all of them at once, one inside the other.
            T await_resume() const {
                const auto frame = awaited.release();
                const detail::ended_frame goes{frame};
                return frame.promise().take();
            }
        };
        return awaiter{*this};
    }

    /// Gives the frame away, to be run by a task_state.
    [[nodiscard]] std::coroutine_handle<promise_type> release() noexcept { return std::exchange(frame_, nullptr); }

private:
    std::coroutine_handle<promise_type> frame_;
};

namespace detail {

/// Takes the frame of a coroutine that is to be run as a task.
template <typename T>
[[nodiscard]] std::coroutine_handle<task_promise<T>> release_once(task<T>& coroutine) noexcept {
    const auto frame = coroutine.release();
    if (!frame) {
        end_for_misuse("a coroutine is awaited or made a task once");
    }
    return frame;
}

template <typename T>
task<T> task_promise<T>::get_return_object() noexcept {
    return task<T>{std::coroutine_handle<task_promise>::from_promise(*this)};
}

inline task<void> task_promise<void>::get_return_object() noexcept {
    return task<void>{std::coroutine_handle<task_promise>::from_promise(*this)};
}

}  // namespace detail
}  // namespace gatherd::executor
