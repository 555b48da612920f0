/// \file
/// The least coroutine type that oneTBB can run: the peer of executor/task.hpp and executor/create_task.hpp.
#pragma once

#include <oneapi/tbb/task_group.h>

#include <atomic>
#include <coroutine>
#include <exception>
#include <utility>

#include "bench/onetbb_pool.hpp"

namespace gatherd::bench {

/// A lazy coroutine that gives a number. Awaiting it runs it in place; create_task runs it beside its creator. Whatever
/// becomes ready is resumed through the task group. It has no cancellation, and an exception ends the program.
class [[nodiscard]] onetbb_task {
public:
    struct promise_type {
        onetbb_task get_return_object() noexcept {
            return onetbb_task{std::coroutine_handle<promise_type>::from_promise(*this)};
        }
        std::suspend_always initial_suspend() const noexcept { return {}; }
        auto final_suspend() const noexcept { return at_end{}; }
        void return_value(long value) noexcept { result = value; }
        [[noreturn]] void unhandled_exception() const noexcept { std::terminate(); }

        long result = 0;
        std::coroutine_handle<> continuation;  // who awaits it in place
        tbb::task_group* group = nullptr;      // where it runs, if it was given to create_task
        std::atomic<void*> waiter{nullptr};    // the frame that awaits a created task, or `ended`
    };
    using frame = std::coroutine_handle<promise_type>;

    explicit onetbb_task(frame own) noexcept : frame_{own} {}
    onetbb_task(onetbb_task&& other) noexcept : frame_{std::exchange(other.frame_, nullptr)} {}
    onetbb_task& operator=(onetbb_task&&) = delete;
    ~onetbb_task() {
        if (frame_) {
            frame_.destroy();
        }
    }

    auto operator co_await() && noexcept {
        struct awaiter {
            frame awaited;
            bool await_ready() const noexcept { return false; }
            frame await_suspend(std::coroutine_handle<> at) const noexcept {
                awaited.promise().continuation = at;
                return awaited;
            }
            long await_resume() const noexcept { return awaited.promise().result; }
        };
        return awaiter{frame_};
    }

    [[nodiscard]] frame release() noexcept { return std::exchange(frame_, nullptr); }

private:
    struct at_end {
        bool await_ready() const noexcept { return false; }
        std::coroutine_handle<> await_suspend(frame at) const noexcept {
            promise_type& promise = at.promise();
            tbb::task_group* const group = promise.group;
            if (group == nullptr) {
                return promise.continuation;
            }
            void* const waiter = promise.waiter.exchange(ended(), std::memory_order_acq_rel);
            if (waiter != nullptr) {  // the frame may be gone by now
                group->run([waiter] { std::coroutine_handle<>::from_address(waiter).resume(); });
            }
            return std::noop_coroutine();
        }
        void await_resume() const noexcept {}
    };

    /// What no frame's address is.
    static void* ended() noexcept {
        static char mark;
        return &mark;
    }

    friend class onetbb_handle;
    frame frame_;
};

/// A created task. It must have ended before this goes.
class onetbb_handle {
public:
    explicit onetbb_handle(onetbb_task::frame running) noexcept : frame_{running} {}
    onetbb_handle(const onetbb_handle&) = delete;
    onetbb_handle& operator=(const onetbb_handle&) = delete;
    ~onetbb_handle() { frame_.destroy(); }

    [[nodiscard]] long result() const noexcept { return frame_.promise().result; }

    auto operator co_await() const noexcept {
        struct awaiter {
            onetbb_task::promise_type& awaited;
            bool await_ready() const noexcept {
                return awaited.waiter.load(std::memory_order_acquire) == onetbb_task::ended();
            }
            bool await_suspend(std::coroutine_handle<> at) const noexcept {
                void* nobody = nullptr;
                return awaited.waiter.compare_exchange_strong(nobody, at.address(), std::memory_order_acq_rel);
            }
            long await_resume() const noexcept { return awaited.result; }
        };
        return awaiter{frame_.promise()};
    }

private:
    onetbb_task::frame frame_;
};

/// Runs a coroutine beside its creator.
inline onetbb_handle create_task(tbb::task_group& group, onetbb_task coroutine) {
    const auto frame = coroutine.release();
    frame.promise().group = &group;
    group.run([frame] { frame.resume(); });
    return onetbb_handle{frame};
}

/// `co_await yield(group)`: to the end of the queue.
inline auto yield(tbb::task_group& group) noexcept {
    struct awaiter {
        tbb::task_group& to;
        bool await_ready() const noexcept { return false; }
        void await_suspend(std::coroutine_handle<> at) const {
            to.run([at] { at.resume(); });
        }
        void await_resume() const noexcept {}
    };
    return awaiter{group};
}

/// Runs a coroutine, which `make` gives for a task group, and waits for all that it created.
template <typename Make>
long run(onetbb_pool& pool, Make make) {
    return pool.execute([&make] {
        tbb::task_group group;
        const onetbb_handle root = create_task(group, make(group));
        group.wait();
        return root.result();
    });
}

}  // namespace gatherd::bench
