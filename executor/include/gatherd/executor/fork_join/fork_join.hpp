/// \file
/// Structured fork and join: recursion that spreads over all workers, for computations that never wait.
///
///     forked<long> fib(int n) {
///         if (n < 2) co_return n;
///         long a = 0, b = 0;
///         co_await fork(a, fib(n - 1));   // may go on beside what follows
///         co_await call(b, fib(n - 2));
///         co_await join();                // a is there from here on
///         co_return a + b;
///     }
///     task<> use() { std::cout << co_await fork_join(fib(35)); }
#pragma once

#include <coroutine>
#include <exception>
#include <type_traits>
#include <utility>

#include "gatherd/executor/detail/frame_pool.hpp"
#include "gatherd/executor/detail/task_state.hpp"
#include "gatherd/executor/detail/worker.hpp"
#include "gatherd/executor/fork_join/fork_frame.hpp"
#include "gatherd/executor/scheduler.hpp"
#include "gatherd/executor/task_scope.hpp"

namespace gatherd::executor {

template <typename T>
class forked;

namespace detail {

struct join_tag {};

template <typename T>
class forked_promise;

/// What fork and call give: the child, which the await that follows at once enters.
template <typename T>
struct fork_of {
    std::coroutine_handle<forked_promise<T>> child;
    T* into;
};

template <typename T>
struct call_of {
    std::coroutine_handle<forked_promise<T>> child;
    T* into;
};

template <typename T>
struct call_for_value {
    std::coroutine_handle<forked_promise<T>> child;
};

/// The promise without its result type.
class forked_promise_base : public fork_frame, public pooled {
public:
    /// The end of a call. Where the parent goes on here, the frame ends by itself and the worker's loop resumes the
    /// parent: a third fewer instructions than to suspend, destroy and transfer.
    struct final_awaiter {
        forked_promise_base& self;
        [[nodiscard]] bool await_ready() const noexcept {
            if (self.is_open()) [[unlikely]] {
                fork_without_join();
            }
            worker& here = *worker::current();
            if (self.entered_by == entry::called ||
                (self.entered_by == entry::forked && here.take_back(*self.parent))) {
                here.transfer_to(self.parent->continuation());
                return true;
            }
            return false;
        }
        /// Another thread has the parent. The frame ends before that one is told: so do its parameters.
        template <typename Promise>
        std::coroutine_handle<> await_suspend(std::coroutine_handle<Promise> at) const noexcept {
            fork_frame& parent = *self.parent;
            const entry entered_by = self.entered_by;
            at.destroy();
            return entered_by == entry::forked ? parent.meet_at_join() : static_cast<fork_root&>(parent).ended();
        }
        void await_resume() const noexcept {}
    };

    [[nodiscard]] std::suspend_always initial_suspend() const noexcept { return {}; }
    [[nodiscard]] final_awaiter final_suspend() noexcept { return {*this}; }
    void unhandled_exception() noexcept { parent->fail(std::current_exception()); }

    template <typename T>
    auto await_transform(fork_of<T> entered) noexcept;
    template <typename T>
    auto await_transform(call_of<T> entered) noexcept;
    template <typename T>
    auto await_transform(call_for_value<T> entered) noexcept;
    auto await_transform(join_tag) noexcept {
        struct awaiter {
            fork_frame& self;
            [[nodiscard]] bool await_ready() const noexcept { return self.has_nothing_outstanding(); }
            bool await_suspend(std::coroutine_handle<> at) const noexcept { return self.waits_at_join(at); }
            void await_resume() const {
                self.close();
                self.raise_failure();
            }
        };
        return awaiter{*this};
    }
};

template <typename T>
class forked_promise final : public forked_promise_base {
public:
    forked<T> get_return_object() noexcept;
    template <typename U>
    requires std::is_convertible_v<U&&, T>
    void return_value(U&& value) { *into = std::forward<U>(value); }

    T* into = nullptr;
};

template <>
class forked_promise<void> final : public forked_promise_base {
public:
    forked<void> get_return_object() noexcept;
    void return_void() const noexcept {}
};

}  // namespace detail

/// A call that may fork. It starts when it is forked, called, or given to fork_join, once. In it only fork, call and
/// join may be awaited: it computes, and never waits for time or others. It must join what it forked before it returns
/// or raises; the program ends with a message if it does not.
///
/// Cost: some 10 ns and its frame for a fork and its end. The worker looks at timers and sockets after each 4096 forks.
template <typename T = void>
class [[nodiscard]] forked {
public:
    using promise_type = detail::forked_promise<T>;

    explicit forked(std::coroutine_handle<promise_type> frame) noexcept : frame_{frame} {}
    forked(forked&& other) noexcept : frame_{std::exchange(other.frame_, nullptr)} {}
    forked& operator=(forked&&) = delete;
    ~forked() {
        if (frame_) {
            frame_.destroy();
        }
    }

    /// Gives the frame away, to be run by what enters it.
    [[nodiscard]] std::coroutine_handle<promise_type> release() noexcept { return std::exchange(frame_, nullptr); }

private:
    std::coroutine_handle<promise_type> frame_;
};

/// `co_await fork(into, f(x))`: f(x) runs, and what follows may run at the same time on another worker. Its result is
/// in `into` after the join; `into` must live until then.
template <typename T>
detail::fork_of<T> fork(T& into, forked<T>&& child) noexcept {
    return {child.release(), &into};
}
inline detail::fork_of<void> fork(forked<void>&& child) noexcept {
    return {child.release(), nullptr};
}

/// `co_await call(into, f(x))` or `into = co_await call(f(x))`: runs it as part of this call. What it raises comes out
/// here, or out of the join if something is forked.
template <typename T>
detail::call_of<T> call(T& into, forked<T>&& child) noexcept {
    return {child.release(), &into};
}
template <typename T>
requires(!std::is_void_v<T>) detail::call_for_value<T> call(forked<T>&& child)
noexcept {
    return {child.release()};
}
inline detail::call_of<void> call(forked<void>&& child) noexcept {
    return {child.release(), nullptr};
}

/// `co_await join()`: goes on when all that this call forked has ended. Raises the first failure among it.
inline detail::join_tag join() noexcept {
    return {};
}

namespace detail {

template <typename T>
forked<T> forked_promise<T>::get_return_object() noexcept {
    return forked<T>{std::coroutine_handle<forked_promise>::from_promise(*this)};
}
inline forked<void> forked_promise<void>::get_return_object() noexcept {
    return forked<void>{std::coroutine_handle<forked_promise>::from_promise(*this)};
}

template <typename T>
std::coroutine_handle<forked_promise<T>> enter(std::coroutine_handle<forked_promise<T>> child, T* into,
                                               fork_frame& parent, fork_frame::entry entered_by) noexcept {
    child.promise().parent = &parent;
    child.promise().entered_by = entered_by;
    if constexpr (!std::is_void_v<T>) {
        child.promise().into = into;
    }
    return child;
}

template <typename T>
auto forked_promise_base::await_transform(fork_of<T> entered) noexcept {
    struct awaiter {
        fork_frame& self;
        std::coroutine_handle<forked_promise<T>> child;
        [[nodiscard]] bool await_ready() const noexcept { return false; }
        std::coroutine_handle<> await_suspend(std::coroutine_handle<> at) const noexcept {
            return self.fork_to(at, child.promise(), child);  // nothing of this frame is touched after
        }
        void await_resume() const noexcept {}
    };
    return awaiter{*this, enter<T>(entered.child, entered.into, *this, entry::forked)};
}

template <typename T>
auto forked_promise_base::await_transform(call_of<T> entered) noexcept {
    struct awaiter {
        fork_frame& self;
        std::coroutine_handle<forked_promise<T>> child;
        [[nodiscard]] bool await_ready() const noexcept { return false; }
        std::coroutine_handle<> await_suspend(std::coroutine_handle<> at) const noexcept {
            return self.call_to(at, child);
        }
        void await_resume() const {
            if (!self.is_open()) {
                self.raise_failure();
            }
        }
    };
    return awaiter{*this, enter<T>(entered.child, entered.into, *this, entry::called)};
}

template <typename T>
auto forked_promise_base::await_transform(call_for_value<T> entered) noexcept {
    struct awaiter {
        fork_frame& self;
        std::coroutine_handle<forked_promise<T>> child;
        T value{};
        [[nodiscard]] bool await_ready() const noexcept { return false; }
        std::coroutine_handle<> await_suspend(std::coroutine_handle<> at) noexcept {
            return self.call_to(at, enter<T>(child, &value, self, entry::called));
        }
        T await_resume() {
            if (!self.is_open()) {
                self.raise_failure();
            }
            return std::move(value);
        }
    };
    return awaiter{*this, entered.child};
}

template <typename T>
class fork_join_awaiter : public wait_point, private fork_root {
public:
    explicit fork_join_awaiter(forked<T> call) noexcept : call_{std::move(call)} {}
    fork_join_awaiter(fork_join_awaiter&& other) noexcept : call_{std::move(other.call_)} {}  // g++ 12; never armed

    [[nodiscard]] bool await_ready() const noexcept { return false; }
    bool await_suspend(awaiting_coroutine at) noexcept {
        task_state& task = task_state::current();
        const auto root = enter<T>(call_.release(), address_of(value_), *this, entry::root);
        if (!task.suspend(at, *this)) {
            root.destroy();
            return false;
        }
        root.promise().start_at(root);  // without the task's lock
        scheduler::current()->submit(root.promise(), scheduler::placement::soon);
        return true;
    }
    T await_resume() {
        task_state::current().throw_if_cancelled();
        raise_failure();
        if constexpr (!std::is_void_v<T>) {
            return std::move(value_);
        }
    }

    bool arm(task_state& waiter) noexcept override {
        waiter_ = &waiter;
        return true;
    }
    cancellation cancel(task_refs&) noexcept override { return cancellation::too_late; }
    void describe(wait_description& into) noexcept override { into.kind = "fork_join"; }

private:
    struct nothing {};
    using stored = std::conditional_t<std::is_void_v<T>, nothing, T>;

    static T* address_of(stored& value) noexcept {
        if constexpr (std::is_void_v<T>) {
            return nullptr;
        } else {
            return &value;
        }
    }

    forked<T> call_;
    stored value_{};
};

}  // namespace detail

/// `co_await fork_join(f(x))` in a task: runs f(x) with all that it forks, and gives its result or raises its failure.
/// A computation cannot be interrupted: a cancelled task is told where it waits next, as for any call that computes.
template <typename T>
detail::fork_join_awaiter<T> fork_join(forked<T> call) noexcept {
    return detail::fork_join_awaiter<T>{std::move(call)};
}

}  // namespace gatherd::executor
