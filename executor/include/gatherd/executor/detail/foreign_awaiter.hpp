/// \file
/// Awaiting what another library made, inside a task.
#pragma once

#include <concepts>
#include <coroutine>
#include <exception>
#include <type_traits>
#include <utility>
#include <vector>

#include "gatherd/executor/detail/frame_pool.hpp"
#include "gatherd/executor/detail/task_state.hpp"
#include "gatherd/executor/detail/worker.hpp"
#include "gatherd/executor/errors.hpp"

namespace gatherd::executor::detail {

template <typename Awaitable>
decltype(auto) get_awaiter(Awaitable&& awaited) {
    if constexpr (requires { std::forward<Awaitable>(awaited).operator co_await(); }) {
        return std::forward<Awaitable>(awaited).operator co_await();
    } else if constexpr (requires { operator co_await(std::forward<Awaitable>(awaited)); }) {
        return operator co_await(std::forward<Awaitable>(awaited));
    } else {
        return std::forward<Awaitable>(awaited);
    }
}

template <typename Awaitable>
using awaiter_of = decltype(get_awaiter(std::declval<Awaitable>()));

/// The awaiters of this library, which know tasks. One that is no wait_point says so by a member type.
template <typename Awaiter>
concept native_awaiter = std::derived_from<std::remove_cvref_t<Awaiter>, wait_point> || requires {
    typename std::remove_cvref_t<Awaiter>::native_awaiter;
};

template <typename Awaiter>
concept any_awaiter = requires(std::remove_reference_t<Awaiter>& awaiter, std::coroutine_handle<> at) {
    static_cast<bool>(awaiter.await_ready());
    awaiter.await_suspend(at);
    awaiter.await_resume();
};

/// An awaiter that lives in the awaiting expression. Of a reference to it g++ 12 would make a copy in the frame.
template <typename Awaiter>
struct native_reference {
    Awaiter& awaiter;
    [[nodiscard]] bool await_ready() const { return awaiter.await_ready(); }
    decltype(auto) await_suspend(awaiting_coroutine at) const { return awaiter.await_suspend(at); }
    decltype(auto) await_resume() const { return awaiter.await_resume(); }
};

/// Puts an awaiter that knows nothing of tasks and workers between a task and what it awaits: that gets the handle of
/// a small coroutine, whose resumption, on whatever thread, makes the task ready.
///
/// Such a wait cannot be interrupted. A task that is cancelled meanwhile gets CancelledError when it is resumed, in
/// place of the result, which is dropped.
///
/// Who resumes may be faster than await_suspend: so nothing of this object is touched after the call, unless its return
/// value says that the handle was not, and will not be, resumed.
template <typename Awaiter>
class foreign_awaiter final : public wait_point {
public:
    template <typename Awaitable>
    explicit foreign_awaiter(Awaitable&& awaited) : awaiter_(get_awaiter(std::forward<Awaitable>(awaited))) {}

    [[nodiscard]] bool await_ready() { return static_cast<bool>(awaiter_.await_ready()); }

    bool await_suspend(awaiting_coroutine at) {
        task_state& task = task_state::current();
        const std::coroutine_handle<> bridge = make_bridge(task).frame;
        task.suspend(at, *this);
        worker& here = *worker::current();
        task_state* const running = std::exchange(here.running, nullptr);  // what is resumed here is no step of it
        try {
            using result = decltype(awaiter_.await_suspend(bridge));
            if constexpr (std::is_void_v<result>) {
                awaiter_.await_suspend(bridge);
            } else if constexpr (std::same_as<result, bool>) {
                if (!awaiter_.await_suspend(bridge)) {
                    bridge.resume();
                }
            } else {
                const std::coroutine_handle<> next = awaiter_.await_suspend(bridge);
                next.resume();
            }
        } catch (...) {  // by the rules of coroutines the handle will not be resumed
            failure_ = std::current_exception();
            bridge.resume();
        }
        here.running = running;
        return true;
    }

    decltype(auto) await_resume() {
        try {
            task_state::current().throw_if_cancelled();
        } catch (const cancelled_error&) {
            drop_result();
            throw;
        }
        if (failure_) {
            std::rethrow_exception(std::move(failure_));
        }
        return awaiter_.await_resume();
    }

    bool arm(task_state&) noexcept override { return true; }
    cancellation cancel(task_refs&) noexcept override { return cancellation::too_late; }
    void describe(wait_description& description) noexcept override {
        description.kind = "an awaitable of another library";
    }

private:
    struct bridge_coroutine {
        struct promise_type : pooled {
            bridge_coroutine get_return_object() noexcept {
                return {std::coroutine_handle<promise_type>::from_promise(*this)};
            }
            std::suspend_always initial_suspend() const noexcept { return {}; }
            std::suspend_never final_suspend() const noexcept { return {}; }  // its frame ends with it
            void return_void() const noexcept {}
            void unhandled_exception() const noexcept {}
        };
        std::coroutine_handle<> frame;
    };

    static bridge_coroutine make_bridge(task_state& task) {
        task.resume();
        co_return;
    }

    /// It may be something that only its own destructor gives back, such as a lock.
    void drop_result() noexcept {
        if (!failure_) {
            try {
                static_cast<void>(awaiter_.await_resume());
            } catch (...) {  // a cancelled task ends by its cancellation
            }
        }
    }

    Awaiter awaiter_;  // a reference, if it lives elsewhere
    std::exception_ptr failure_;
};

/// What co_await in a task awaits: an awaitable of this library as it is, any other through a foreign_awaiter.
template <typename Awaitable>
decltype(auto) transform_awaitable(Awaitable&& awaited) {
    using awaiter = awaiter_of<Awaitable>;
    using plain = std::remove_cvref_t<Awaitable>;
    if constexpr (native_awaiter<Awaitable> && std::is_empty_v<plain>) {
        return plain{awaited};
    } else if constexpr (native_awaiter<Awaitable>) {
        return native_reference<std::remove_reference_t<Awaitable>>{awaited};
    } else if constexpr (native_awaiter<awaiter>) {
        return std::forward<Awaitable>(awaited);
    } else {
        static_assert(!std::same_as<std::remove_cvref_t<awaiter>, std::suspend_always>,
                      "nobody would resume the task: co_await yield() lets others run");
        static_assert(any_awaiter<awaiter>,
                      "a task cannot await this; a coroutine is awaited once: co_await std::move(coroutine)");
        return foreign_awaiter<awaiter>{std::forward<Awaitable>(awaited)};
    }
}

}  // namespace gatherd::executor::detail
