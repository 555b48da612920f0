#include "gatherd/executor/wait.hpp"

#include "executor/src/task_ends.hpp"

namespace gatherd::executor {

void detail::leave_ends::operator()(task_ends* set) const noexcept {
    set->leave();
}

detail::task_ends_owner detail::ends_of(std::span<const task_ref> tasks, return_when kind,
                                        std::optional<std::chrono::nanoseconds> timeout, on_cancel cancelling,
                                        const char* name) {
    task_ends_owner ends{new task_ends{kind, timeout, cancelling, name}};
    for (const task_ref& each : tasks) {
        ends->add(each);
    }
    ends->all_added();
    return ends;
}

bool detail::ends_awaiter::await_suspend(detail::awaiting_coroutine at) noexcept {
    task_state& waiter = task_state::current();
    // An await that is put off raises a cancellation at once. One that is to see how the tasks end must not do that.
    return ends_.forwards() ? waiter.suspend(at, ends_) : waiter.suspend_within_budget(at, ends_);
}

wait_result wait_awaiter::await_resume() const {
    ends_awaiter::await_resume();
    return ends_.result();
}

}  // namespace gatherd::executor
