#include "gatherd/executor/as_completed.hpp"

#include "executor/src/task_ends.hpp"

namespace gatherd::executor::detail {

task_ends_owner ends_in_order(std::span<const task_ref> tasks, std::optional<std::chrono::nanoseconds> timeout) {
    task_ends_owner ends = ends_of(tasks, return_when::first_completed, timeout, on_cancel::leave, "as_completed");
    ends->start_timer(task_state::current().scope());
    return ends;
}

void add_end(task_ends& ends, const task_ref& task) {
    static_cast<void>(ends.add(task));  // only one that closes when it is empty refuses a task
}

task_ref take_ended(task_ends& ends) noexcept {
    return ends.take();
}

}  // namespace gatherd::executor::detail
