/// \file
/// Ending tasks early: what asyncio's programs write as cancel(), and gather with return_exceptions=True.
#pragma once

#include <cstdint>
#include <exception>
#include <new>
#include <utility>
#include <vector>

#include "gatherd/executor/create_task.hpp"
#include "gatherd/executor/errors.hpp"
#include "gatherd/executor/task.hpp"
#include "gatherd/executor/wait.hpp"

namespace gatherd::executor {

/// Cancels the tasks by one request, and returns when all of them have ended, whatever each ends by. If the awaiting
/// task is cancelled meanwhile, that request is passed on to the tasks, and raised here when they have ended.
///
/// Clean-up after a CancelledError passes `error.request()` on: a task that the same request has reached already, for
/// example because its scope was closed, is then not interrupted again in its own clean-up. 0 is a new request.
inline task<> cancel_and_wait(std::vector<task_ref> tasks, std::uint64_t request = 0) {
    task_state::cancel_each(tasks, {}, request);
    std::erase_if(tasks, [](const task_ref& each) { return each->ended(); });
    if (tasks.empty()) {
        co_return;
    }
    std::exception_ptr no_memory;
    try {
        const auto ended = co_await wait_as_gather(tasks, return_when::all_completed);
        if (ended.cancel_requested) {
            throw cancelled_error{{}, ended.request};
        }
    } catch (const std::bad_alloc&) {
        no_memory = std::current_exception();
    }
    for (std::size_t i = 0; no_memory && i < tasks.size(); ++i) {  // one by one, which takes none
        co_await await_end(tasks[i]);
    }
    if (no_memory) {
        std::rethrow_exception(no_memory);
    }
}

/// The same for one task.
inline task<> cancel_and_wait(task_ref one, std::uint64_t request = 0) {
    std::vector<task_ref> tasks;
    tasks.push_back(std::move(one));
    return cancel_and_wait(std::move(tasks), request);
}

}  // namespace gatherd::executor
