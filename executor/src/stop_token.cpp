#include "gatherd/executor/stop_token.hpp"

#include "gatherd/executor/detail/task_notes.hpp"
#include "gatherd/executor/detail/task_state.hpp"

namespace gatherd::executor {

std::stop_token this_stop_token() {
    task_state& task = task_state::current();
    std::stop_source source = task.notes().stop_source(task.cancelling() == 0);
    // A cancel counts itself first, and then looks for a source. One of the two sees the other.
    if (task.cancelling() > 0) {
        source.request_stop();
    }
    return source.get_token();
}

}  // namespace gatherd::executor
