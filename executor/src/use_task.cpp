#include "gatherd/executor/use_task.hpp"

#include <asio/post.hpp>

#include "gatherd/executor/detail/misuse.hpp"
#include "gatherd/executor/detail/worker.hpp"

namespace gatherd::executor {

asio::io_context& this_io() noexcept {
    worker* const here = worker::current();
    if (here == nullptr) {
        end_for_misuse("only inside a task");
    }
    return here->events().context();
}

namespace detail {

/// A cancellation on its way to the executor of the operation, where no handler runs beside it.
struct io_awaiter_base::emission {
    explicit emission(io_awaiter_base& awaiter) noexcept : target{&awaiter} {}
    emission(emission&& other) noexcept : target{std::exchange(other.target, nullptr)} {}
    emission& operator=(emission&&) = delete;
    ~emission() {
        if (target != nullptr) {
            target->finish(emitting);
        }
    }

    void operator()() const noexcept {
        if ((target->state_.load(std::memory_order_acquire) & in_progress) != 0) {
            using asio::cancellation_type;
            target->signal_.emit(cancellation_type::terminal | cancellation_type::partial | cancellation_type::total);
        }
    }

    io_awaiter_base* target;
};

bool io_awaiter_base::await_suspend(detail::awaiting_coroutine at) noexcept {
    static_cast<void>(task_state::current().suspend(at, *this));  // arm() and cancel() let it wait
    try {
        start();
    } catch (...) {  // it travels to the awaiting task; the handler is gone
        fail(std::current_exception());
    }
    std::uint32_t state = state_.load(std::memory_order_acquire);  // S
    std::uint32_t next = 0;
    do {
        next = state & ~starting;
        if ((state & is_cancelled) != 0 && (state & in_progress) != 0) {
            next |= emitting;
        }
    } while (!state_.compare_exchange_weak(state, next, std::memory_order_acq_rel));  // S
    if ((next & emitting) != 0) {
        emit();
    } else if ((next & in_progress) == 0) {
        waiter_->resume();
    }
    return true;
}

/// Called while the task waits, so an operation that has ended is about to resume it.
wait_point::cancellation io_awaiter_base::cancel(task_refs&) noexcept {
    std::uint32_t state = state_.load(std::memory_order_acquire);  // S
    std::uint32_t next = 0;
    do {
        if ((state & in_progress) == 0 || (state & is_cancelled) != 0) {
            return cancellation::too_late;
        }
        next = state | is_cancelled | ((state & starting) == 0 ? emitting : 0);
    } while (!state_.compare_exchange_weak(state, next, std::memory_order_acq_rel));  // S
    if ((next & emitting) != 0) {
        emit();
    }
    return cancellation::too_late;
}

/// After `emitting` was set. Without an executor, or without memory, the operation runs to its end.
void io_awaiter_base::emit() noexcept {
    emission signal{*this};
    if (const asio::any_io_executor executor = executor_) {  // the frame may end before post returns
        try {
            asio::post(executor, std::move(signal));
        } catch (...) {  // the emission has ended
        }
    }
}

void io_awaiter_base::finish(std::uint32_t bit) noexcept {
    const std::uint32_t before = state_.fetch_and(~bit, std::memory_order_acq_rel);  // S
    if ((before & ~bit & (starting | in_progress | emitting)) == 0) {
        waiter_->resume();
    }
}

void io_awaiter_base::raise_failure() const {
    task_state::current().throw_if_cancelled();
    if ((state_.load(std::memory_order_relaxed) & is_cancelled) != 0) {  // uncancel() took the request back meanwhile
        throw cancelled_error{};
    }
    if (failure_) {
        std::rethrow_exception(failure_);
    }
}

}  // namespace detail
}  // namespace gatherd::executor
