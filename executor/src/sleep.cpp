#include "gatherd/executor/sleep.hpp"

#include "gatherd/executor/detail/time_after.hpp"
#include "gatherd/executor/task_scope.hpp"

namespace gatherd::executor {

bool sleep_awaiter::arm(task_state& waiter) noexcept {
    wakes_ = &waiter;
    task_scope& scope = waiter.scope();
    scope.runs_on().add_timer(scope.timer_home(), *this, time_after(delay()));
    return true;
}

wait_point::cancellation sleep_awaiter::cancel(task_refs&) noexcept {
    return timer_wheel::remove(*this) ? cancellation::detached : cancellation::too_late;
}

void sleep_awaiter::fired(timer_node& self) noexcept {
    static_cast<task_state*>(static_cast<sleep_awaiter&>(self).wakes_)->resume();
}

}  // namespace gatherd::executor
