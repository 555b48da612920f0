/// \file
/// Calls that would hold a worker up, run on a lane of their own: asyncio.to_thread, and its sibling for computing.
#pragma once

#include <atomic>
#include <coroutine>
#include <exception>
#include <memory>
#include <stdexcept>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "gatherd/executor/detail/blocking_pool.hpp"
#include "gatherd/executor/detail/compute_pool.hpp"
#include "gatherd/executor/detail/task_state.hpp"
#include "gatherd/executor/task_scope.hpp"

namespace gatherd::executor {
namespace detail {

/// A call on its way through a lane. It is owned by the awaiting task and by the lane together: a cancelled awaiter
/// goes on at once, and the call then ends with nobody to tell.
///
/// Edges  A   run: state exchange, acq_rel  ->  awaiter: resumed through the scheduler's queue     outcome_ is visible
///        B   run: state exchange  ||  cancel: state exchange: exactly one claims the waiter's wake-up
template <typename Function>
class pool_call : public pool_work, public std::enable_shared_from_this<pool_call<Function>> {
public:
    using result_type = std::invoke_result_t<Function&>;

    pool_call(Function body, task_state& waiter)
        : pool_work{&run_call, &tell_call}, body_{std::move(body)}, waiter_{&waiter} {}

    /// The awaiter waits no longer. False: the call has ended, and resumes it.
    bool abandon() noexcept { return !claimed_.exchange(true, std::memory_order_acq_rel); }  // B

    /// Hands itself to the lane. The awaiter may be gone before this returns.
    template <typename Lane>
    void enter(Lane& lane) noexcept {
        pools_own = this->shared_from_this();
        if (!lane.submit(*this)) {
            const std::shared_ptr<pool_call> alive = std::move(pools_own);
            try {
                throw std::runtime_error{"can't start new thread"};
            } catch (const std::exception&) {  // or std::bad_alloc, if there is no memory for the text
                outcome_.template emplace<2>(std::current_exception());
            }
            tell();
        }
    }

    /// What the call returned, or raises its exception.
    result_type take() {
        if (auto* failure = std::get_if<2>(&outcome_)) {
            std::rethrow_exception(std::move(*failure));
        }
        if constexpr (!std::is_void_v<result_type>) {
            return std::move(std::get<1>(outcome_));
        }
    }

private:
    using stored = std::conditional_t<std::is_void_v<result_type>, std::monostate, result_type>;

    static void run_call(work& item) noexcept {
        auto& call = static_cast<pool_call&>(item);
        if (call.claimed_.load(std::memory_order_relaxed)) {
            return;  // cancelled while it stood in line
        }
        try {
            if constexpr (std::is_void_v<result_type>) {
                call.body_();
                call.outcome_.template emplace<1>();
            } else {
                call.outcome_.template emplace<1>(call.body_());
            }
        } catch (...) {  // the edge of the call: it travels to the awaiter
            call.outcome_.template emplace<2>(std::current_exception());
        }
    }

    static void tell_call(work& item) noexcept {
        auto& call = static_cast<pool_call&>(item);
        const std::shared_ptr<pool_call> alive = std::move(call.pools_own);
        call.tell();
    }

    void tell() noexcept {
        if (!claimed_.exchange(true, std::memory_order_acq_rel)) {  // A, B
            waiter_->resume();
        }
    }

    std::shared_ptr<pool_call> pools_own;  // while the lane has it
    Function body_;
    task_state* waiter_;
    std::atomic<bool> claimed_{false};
    std::variant<std::monostate, stored, std::exception_ptr> outcome_;
};

template <typename Function, typename Lane>
class pool_awaiter : public wait_point {
public:
    pool_awaiter(Function body, Lane& (scheduler::*lane)() noexcept) : body_{std::move(body)}, lane_{lane} {}

    [[nodiscard]] bool await_ready() const noexcept { return false; }
    bool await_suspend(std::coroutine_handle<> at) {
        task_state& task = task_state::current();
        const auto call = call_ = std::make_shared<pool_call<Function>>(std::move(body_), task);
        Lane& lane = (task.scope().runs_on().*lane_)();
        if (!task.suspend(at, *this)) {
            return false;
        }
        call->enter(lane);  // without the task's lock; by now this awaiter may be gone
        return true;
    }
    auto await_resume() {
        task_state::current().throw_if_cancelled();
        return call_->take();
    }

    bool arm(task_state&) noexcept override { return true; }
    cancellation cancel(task_refs&) noexcept override {
        return call_->abandon() ? cancellation::detached : cancellation::too_late;
    }

private:
    Function body_;
    Lane& (scheduler::*lane_)() noexcept;
    std::shared_ptr<pool_call<Function>> call_;
};

}  // namespace detail

/// `co_await to_thread(f)`: runs f() on the blocking lane; its result or exception comes back here, on a worker.
/// A cancelled task goes on at once; the thread finishes the call for nobody.
///
/// g++ 12 destroys the captures of a closure that is written inside the co_await twice. With captures that own
/// something, name it first: `auto body = [text] { ... }; co_await to_thread(std::move(body));`
template <typename Function>
auto to_thread(Function&& f) {
    return detail::pool_awaiter<std::decay_t<Function>, blocking_pool>{std::forward<Function>(f), &scheduler::blocking};
}

/// `co_await compute(f)`: runs f() on the compute lane, where oneTBB's parallel algorithms may be used.
template <typename Function>
auto compute(Function&& f) {
    return detail::pool_awaiter<std::decay_t<Function>, compute_pool>{std::forward<Function>(f), &scheduler::compute};
}

}  // namespace gatherd::executor
