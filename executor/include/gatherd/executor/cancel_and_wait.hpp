/// \file
/// Ending tasks early: what asyncio's programs write as cancel(), and gather with return_exceptions=True.
#pragma once

#include <utility>
#include <vector>

#include "gatherd/executor/errors.hpp"
#include "gatherd/executor/task.hpp"
#include "gatherd/executor/wait.hpp"

namespace gatherd::executor {

/// Cancels tasks as one, and waits until all have ended, however they do. A cancellation of the awaiting task meanwhile
/// is passed on to them, and raised at the end.
inline task<> cancel_and_wait(std::vector<task_ref> tasks) {
    task_state::cancel_each(tasks, {});
    std::erase_if(tasks, [](const task_ref& each) { return each->ended(); });
    if (!tasks.empty()) {
        const auto ended = co_await wait_as_gather(std::move(tasks), return_when::all_completed);
        if (ended.cancel_requested) {
            throw cancelled_error{};
        }
    }
}

}  // namespace gatherd::executor
