/// \file
/// Calls that would block a worker, run on another thread: asyncio.to_thread, and the same for computing.
#pragma once

#include <atomic>
#include <coroutine>
#include <exception>
#include <memory>
#include <new>
#include <optional>
#include <stdexcept>
#include <type_traits>
#include <utility>
#include <variant>

#include "gatherd/executor/detail/blocking_pool.hpp"
#include "gatherd/executor/detail/compute_pool.hpp"
#include "gatherd/executor/detail/task_state.hpp"
#include "gatherd/executor/errors.hpp"
#include "gatherd/executor/task_scope.hpp"

namespace gatherd::executor {
namespace detail {

/// What a cancellation of the awaiting task does to a call.
enum class on_cancelled {
    join,   ///< one that runs is waited for; one that waits in the pool's queue never begins
    leave,  ///< the task goes on at once, whatever the call does
};

/// Which tasks of a serial scope may run while one waits for a call.
enum class others { run, wait };

/// A call on its way through a pool. The awaiting task and the pool own it together: the task may go on while the call
/// is still in the pool's queue, or on a thread.
///
/// State  waiting --a thread takes it--> running --> over;  waiting or running --abandon--> over
///
/// Edges  A   run: state_ exchange, acq_rel  ->  awaiter: resumed through the scheduler's queue     outcome_ is visible
///        B   run: state_ exchange  ||  abandon: state_ exchange     one of them alone ends the wait
template <typename Function>
class pool_call : public pool_work, public std::enable_shared_from_this<pool_call<Function>> {
public:
    using result_type = std::invoke_result_t<Function&>;

    pool_call(Function body, task_state& waiter)
        : pool_work{&run_call, &tell_call}, body_{std::move(body)}, waiter_{&waiter} {}

    /// The awaiter does not wait any longer. False: the call resumes it when it has ended.
    bool abandon(on_cancelled policy) noexcept {
        if (policy != on_cancelled::join) {
            return state_.exchange(state::over, std::memory_order_acq_rel) != state::over;  // B
        }
        auto expected = state::waiting;
        return state_.compare_exchange_strong(expected, state::over, std::memory_order_acq_rel);  // B
    }

    /// Hands itself to the pool. The awaiter may be gone before this returns.
    template <typename Pool>
    void enter(Pool& pool) noexcept {
        pools_own_ = this->shared_from_this();
        if (!pool.submit(*this)) {
            const std::shared_ptr<pool_call> alive = std::move(pools_own_);
            try {
                throw std::runtime_error{"can't start new thread"};
            } catch (const std::exception&) {  // or std::bad_alloc, if there is no memory for the text
                outcome_.template emplace<2>(std::current_exception());
            }
            end();
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

    /// Destroys the function of a call that never began.
    void drop_body() noexcept { body_.reset(); }

private:
    enum class state : unsigned char { waiting, running, over };
    using stored = std::conditional_t<std::is_void_v<result_type>, std::monostate, result_type>;

    static void run_call(work& item) noexcept {
        auto& call = static_cast<pool_call&>(item);
        auto expected = state::waiting;
        if (!call.state_.compare_exchange_strong(expected, state::running, std::memory_order_acq_rel)) {  // B
            return;
        }
        try {
            if constexpr (std::is_void_v<result_type>) {
                (*call.body_)();
                call.outcome_.template emplace<1>();
            } else {
                call.outcome_.template emplace<1>((*call.body_)());
            }
        } catch (...) {  // the edge of the call: it travels to the awaiter
            call.outcome_.template emplace<2>(std::current_exception());
        }
        call.body_.reset();  // nothing that it captured is used once the task goes on
    }

    static void tell_call(work& item) noexcept {
        auto& call = static_cast<pool_call&>(item);
        const std::shared_ptr<pool_call> alive = std::move(call.pools_own_);
        call.end();
    }

    void end() noexcept {
        if (state_.exchange(state::over, std::memory_order_acq_rel) != state::over) {  // A, B
            waiter_->resume();
        }
    }

    std::shared_ptr<pool_call> pools_own_;  // while the pool has it
    std::optional<Function> body_;
    task_state* waiter_;
    std::atomic<state> state_{state::waiting};
    std::variant<std::monostate, stored, std::exception_ptr> outcome_;
};

template <typename Function, typename Pool, on_cancelled Policy, others Others = others::run>
class pool_awaiter : public wait_point {
public:
    pool_awaiter(Function body, Pool& (scheduler::*pool)() noexcept) : body_{std::move(body)}, pool_{pool} {}

    [[nodiscard]] bool await_ready() const noexcept { return false; }
    bool await_suspend(detail::awaiting_coroutine at) {
        task_state& task = task_state::current();
        const auto call = call_ = std::make_shared<pool_call<Function>>(std::move(body_), task);
        task_scope& scope = task.scope();
        Pool& pool = (scope.runs_on().*pool_)();
        if constexpr (Others == others::wait) {
            scope.hold_for(task);
        }
        if (!task.suspend(at, *this)) {
            if constexpr (Others == others::wait) {
                scope.let_go();
            }
            return false;
        }
        call->enter(pool);  // without the task's lock; by now this awaiter may be gone
        return true;
    }
    auto await_resume() {
        try {
            task_state::current().throw_if_cancelled();
        } catch (const cancelled_error&) {
            if constexpr (Policy == on_cancelled::join) {
                call_->drop_body();
            }
            throw;
        }
        return call_->take();
    }

    bool arm(task_state&) noexcept override { return true; }
    cancellation cancel(task_refs&) noexcept override {
        return call_->abandon(Policy) ? cancellation::detached : cancellation::too_late;
    }
    void describe(wait_description& into) noexcept override {
        into.kind = std::is_same_v<Pool, compute_pool> ? "compute" : "to_thread";
    }

private:
    Function body_;
    Pool& (scheduler::*pool_)() noexcept;
    std::shared_ptr<pool_call<Function>> call_;
};

/// A call that nobody awaits. Ends its own life.
template <typename Function>
struct detached_call final : pool_work {
    explicit detached_call(Function&& f) noexcept : pool_work{&run_call, &end_call}, body{std::move(f)} {}

    static void run_call(work& item) noexcept { static_cast<detached_call&>(item).body(); }
    static void end_call(work& item) noexcept { delete &static_cast<detached_call&>(item); }

    Function body;
};

}  // namespace detail

/// `co_await to_thread(f)`: runs f() on a thread of the blocking pool; its result or exception comes back here, on a
/// worker.
///
/// f may use what lives in the awaiting coroutine: a cancelled task waits until f has returned, and raises
/// CancelledError then, so a timeout around this call is delayed until then. If f has not begun, because all threads of
/// the pool are busy, it never begins, and the task goes on at once. asyncio.to_thread does not wait for its thread:
/// see to_thread_unjoined.
///
/// g++ 12 destroys the captures of a closure that is written inside the co_await twice. With captures that own
/// something, name it first: `auto body = [text] { ... }; co_await to_thread(std::move(body));`
template <typename Function>
auto to_thread(Function&& f) {
    return detail::pool_awaiter<std::decay_t<Function>, blocking_pool, detail::on_cancelled::join>{
        std::forward<Function>(f), &scheduler::blocking};
}

/// `co_await to_thread_unjoined(f)`: asyncio.to_thread to the letter: a cancelled task goes on at once, and the thread
/// finishes the call, whose result or exception is dropped. So f must own what it uses.
template <typename Function>
auto to_thread_unjoined(Function&& f) {
    return detail::pool_awaiter<std::decay_t<Function>, blocking_pool, detail::on_cancelled::leave>{
        std::forward<Function>(f), &scheduler::blocking};
}

/// `co_await compute(f)`: as to_thread, on a thread of the compute pool, where oneTBB's parallel algorithms may be
/// used.
template <typename Function>
auto compute(Function&& f) {
    return detail::pool_awaiter<std::decay_t<Function>, compute_pool, detail::on_cancelled::join>{
        std::forward<Function>(f), &scheduler::compute};
}

/// `co_await compute_unjoined(f)`: as to_thread_unjoined, on the compute pool.
template <typename Function>
auto compute_unjoined(Function&& f) {
    return detail::pool_awaiter<std::decay_t<Function>, compute_pool, detail::on_cancelled::leave>{
        std::forward<Function>(f), &scheduler::compute};
}

/// `co_await compute_in_turn(f)`: as compute_unjoined; but in a serial scope no other task of it runs until this one
/// goes on, as if it had called f() itself. So what runs before what does not depend on the thread's time; and a
/// timeout in the scope is raised when f has returned. Who cancels the task from outside is heard at once.
template <typename Function>
auto compute_in_turn(Function&& f) {
    return detail::pool_awaiter<std::decay_t<Function>, compute_pool, detail::on_cancelled::leave,
                                detail::others::wait>{std::forward<Function>(f), &scheduler::compute};
}

/// `co_await compute_in_turn_joined(f)`: the same, but a cancelled task waits until f has returned, as in `compute`. So
/// what f changes is never in use by two.
template <typename Function>
auto compute_in_turn_joined(Function&& f) {
    return detail::pool_awaiter<std::decay_t<Function>, compute_pool, detail::on_cancelled::join, detail::others::wait>{
        std::forward<Function>(f), &scheduler::compute};
}

/// Runs f() on a thread of the compute pool, before the calls that wait there, and nobody waits for it: what takes long
/// and gives back what the calls will need, as to destroy what is large. f must own what it uses, and must not raise; a
/// copy or move of it neither. Where the caller is no worker, where no thread can be started and for want of memory, it
/// is run at once.
template <typename Function>
void compute_detached(Function f) noexcept {
    scheduler* const threads = scheduler::current();
    auto* const call = threads == nullptr ? nullptr : new (std::nothrow) detail::detached_call{std::move(f)};
    if (call == nullptr) {
        f();
    } else if (!threads->compute().submit(*call, blocking_pool::place::first)) {
        call->body();
        delete call;
    }
}

}  // namespace gatherd::executor
