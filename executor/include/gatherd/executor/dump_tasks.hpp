/// \file
/// What every task does at this moment, and who waits for whom: asyncio's `python -m asyncio ps` and `pstree`.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "gatherd/executor/detail/timer_wheel.hpp"

namespace gatherd::executor {

class scheduler;

/// What a task does.
enum class task_activity {
    ready,    ///< it could run, but no worker has come to it; or its worker runs another one first, which it awaits
    running,  ///< a worker runs a step of it
    waiting,  ///< see task_record::waits_for
};

/// One task, as dump_tasks found it.
struct task_record {
    const void* id = nullptr;  ///< tells it from all tasks that live; an address, not to be followed
    std::string name{};        ///< empty if it was given none
    task_activity activity = task_activity::ready;
    std::uint32_t cancelling = 0;  ///< requests to cancel it, as task_handle::cancelling

    // Of one that waits:
    const char* waits_for = "";                ///< "sleep", "queue.get", "gather": a literal
    std::optional<clock::time_point> until{};  ///< when that ends by itself, if it does
    std::size_t pending = 0;                   ///< of several that it waits for, those that have yet to come
    std::size_t total = 0;                     ///< how many those are; 0: it does not wait for several
    std::vector<const void*> awaits{};         ///< ids of the tasks that it waits for
};

/// What dump_tasks found.
struct task_dump {
    clock::time_point time{};
    std::vector<task_record> tasks{};
    std::size_t left_out = 0;  ///< so many live tasks are not in `tasks`, about: they come and go meanwhile
    std::size_t in_place = 0;  ///< workers that run a child of a gather which has not waited yet, and so is in no list
};

/// All tasks of the scheduler that live: those of the oldest scope first, and of each the newest tasks first; `limit`
/// at most.
///
/// Each task is described as it is at one moment, but not all at the same: tasks go on meanwhile, and one that another
/// one waits for may be missing, or have ended. Children of a gather that have not waited yet have no record.
///
/// Threads: any, such as one that waits for a signal by sigwait, or an admin server's; not a signal handler. Tasks are
/// held up for 32 tasks' time at most; programs (scopes) begin and end before or after. Cost: about a microsecond a
/// task. At most four times as many ids as `limit` says are kept in all `awaits`. Throws std::bad_alloc.
[[nodiscard]] task_dump dump_tasks(scheduler& pool, std::size_t limit = 10'000);

/// The dump as a tree of lines: below each task those that it waits for. A task that several wait for stands below the
/// first of them; tasks that wait for each other in a circle, and so for ever, come last, under a line that says so.
[[nodiscard]] std::string to_string(const task_dump& dump);

}  // namespace gatherd::executor
