/// \file
/// What a task waits for, as it is told to dump_tasks.
#pragma once

#include <cstddef>
#include <optional>
#include <span>

#include "gatherd/executor/detail/timer_wheel.hpp"

namespace gatherd::executor {

class task_state;

/// Filled in by a wait_point. Made without any allocation, since locks are held.
struct wait_description {
    const char* kind = "something";            ///< a literal: "sleep", "mutex"
    bool is_over = false;                      ///< it has come, and the task is ready
    std::optional<clock::time_point> until{};  ///< when the wait ends by itself
    std::size_t pending = 0;                   ///< of several, those that have yet to come
    std::size_t total = 0;                     ///< of how many; 0: it waits for one thing

    /// Another task that is awaited. False: there is no room, for it or for others.
    bool add(const task_state& task) noexcept {
        if (awaited == room.size()) {
            return false;
        }
        room[awaited++] = &task;
        return true;
    }

    std::span<const void*> room{};  ///< for the tasks that are awaited
    std::size_t awaited = 0;        ///< how many of it are used
};

}  // namespace gatherd::executor
