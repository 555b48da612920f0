#include "gatherd/executor/detail/future_core.hpp"

#include <mutex>
#include <utility>

#include "gatherd/executor/errors.hpp"
#include "gatherd/executor/unretrieved_exception.hpp"

namespace gatherd::executor::detail {

future_core::~future_core() {
    if (failure_ && !cancelled_ && !retrieved_.load(std::memory_order_relaxed)) {  // no other reference is left
        report_unretrieved("Future", failure_);
    }
}

void future_core::publish() noexcept {
    wait_queue::entry* taken = nullptr;
    {
        const std::lock_guard guard{lock_};
        done_.store(true, std::memory_order_release);  // R
        taken = waiters_.take_all();
    }
    wait_queue::resume_all(taken);
}

bool future_core::try_set_exception(std::exception_ptr failure) noexcept {
    if (!claim()) {
        return false;
    }
    failure_ = std::move(failure);
    publish();
    return true;
}

bool future_core::cancel(const std::string& message, std::uint64_t request) noexcept {
    if (!claim()) {
        return false;
    }
    cancelled_ = true;
    cancelled_by_ = request;
    failure_ = std::make_exception_ptr(cancelled_error{message, request});
    publish();
    return true;
}

void future_core::break_promise() noexcept {
    if (claim()) {
        retrieved_.store(true, std::memory_order_relaxed);  // no fault of who waits: nothing to report
        failure_ = std::make_exception_ptr(broken_promise_error{});
        publish();
    }
}

std::exception_ptr future_core::exception() const {
    if (!done()) {
        throw invalid_state_error{"Result is not set."};
    }
    retrieved_.store(true, std::memory_order_relaxed);  // read by the last who lets go
    return failure_;
}

bool future_core::wait_awaiter::arm(task_state& waiter) noexcept {
    const std::lock_guard guard{lock_};
    if (awaited_.done_.load(std::memory_order_relaxed)) {  // written under this lock
        return false;
    }
    enqueue(waiter);
    return true;
}

wait_point::cancellation future_core::wait_awaiter::cancel(task_refs&) noexcept {
    // Whether this cancels the future or another sets it just now: that resumes all, this task among them.
    static_cast<void>(awaited_.cancel({}, waiter().request_in_hand()));
    return cancellation::too_late;
}

}  // namespace gatherd::executor::detail
