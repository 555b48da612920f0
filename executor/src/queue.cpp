#include "gatherd/executor/queue.hpp"

#include <limits>

#include "gatherd/executor/detail/worker.hpp"

namespace gatherd::executor::detail {

queue_core::queue_core(std::size_t maxsize) noexcept
    : slots{maxsize == 0 ? std::numeric_limits<std::size_t>::max() : maxsize} {}

std::size_t queue_core::free_of(const stock& which) const noexcept {
    const std::lock_guard guard{lock};
    return which.free;
}

void queue_core::refuse() const {
    if (is_destroyed) {
        throw abandoned_error{};
    }
    throw queue_shut_down{};
}

void queue_core::task_done() {
    wait_queue::entry* taken = nullptr;
    {
        const std::lock_guard guard{lock};
        if (unfinished == 0) {
            throw value_error{"task_done() called too many times"};
        }
        if (--unfinished == 0) {
            taken = joiners.take_all();
        }
    }
    wait_queue::resume_all(taken);
}

std::size_t queue_core::close(bool immediate, bool by_destructor) noexcept {
    std::size_t dropped = 0;
    wait_queue::entry* refused = nullptr;
    wait_queue::entry* refused_too = nullptr;
    wait_queue::entry* joined = nullptr;
    {
        const std::lock_guard guard{lock};
        is_closed = true;
        is_destroyed = by_destructor;
        if (immediate && !is_emptied) {
            is_emptied = true;
            ready.free = 0;
            dropped = std::exchange(size, 0);
            unfinished -= std::min(dropped, unfinished);
        }
        refused = slots.waiters.take_all_abandoned();
        refused_too = ready.waiters.take_all_abandoned();
        if (by_destructor) {
            joined = joiners.take_all_abandoned();
        } else if (unfinished == 0) {
            joined = joiners.take_all();
        }
    }
    for (wait_queue::entry* each : {refused, refused_too, joined}) {
        wait_queue::resume_all(each);
    }
    return dropped;
}

/// Under the lock. True also if the queue is closed, and nothing will come: then await_resume throws.
bool queue_core::stock_awaiter::try_promise() noexcept {
    if (wanted_.free > 0) {
        --wanted_.free;
        is_promised_ = true;
        return true;
    }
    return core_.is_closed;
}

bool queue_core::stock_awaiter::await_ready() noexcept {
    static_cast<void>(task_state::current());  // ends the program outside a task
    if (worker::current()->spend_budget()) {
        const std::lock_guard guard{core_.lock};
        if (try_promise()) {
            return true;
        }
    }
    kept_ = core_.shared_from_this();
    return false;
}

bool queue_core::stock_awaiter::arm(task_state& waiter) noexcept {
    const std::lock_guard guard{core_.lock};
    if (try_promise()) {
        return false;
    }
    enqueue(waiter, wanted_.waiters);
    return true;
}

wait_point::cancellation queue_core::stock_awaiter::cancel(task_refs&) noexcept {
    return cancel_under(core_.lock, wanted_.waiters);
}

std::unique_lock<std::mutex> queue_core::stock_awaiter::promised() {
    is_promised_ = is_promised_ || (taken() && !abandoned());
    try {
        task_state::current().throw_if_cancelled();
    } catch (const cancelled_error&) {
        if (is_promised_) {
            std::unique_lock guard{core_.lock};
            const bool is_dropped = core_.is_emptied && &wanted_ == &core_.ready;  // with all other items
            wait_queue::entry* const next = is_dropped ? nullptr : wanted_.give();
            guard.unlock();
            wait_queue::resume_all(next);
        }
        throw;
    }
    std::unique_lock guard{core_.lock};
    if (!is_promised_) {
        core_.refuse();
    }
    return guard;
}

bool queue_core::join_awaiter::arm(task_state& waiter) noexcept {
    const std::lock_guard guard{core_.lock};
    if (core_.unfinished == 0) {
        return false;
    }
    enqueue(waiter, core_.joiners);
    return true;
}

wait_point::cancellation queue_core::join_awaiter::cancel(task_refs&) noexcept {
    return cancel_under(core_.lock, core_.joiners);
}

}  // namespace gatherd::executor::detail
