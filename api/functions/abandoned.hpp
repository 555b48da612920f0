/// \file
/// How a long computation ends early.
#pragma once

#include <oneapi/tbb/task_arena.h>
#include <oneapi/tbb/task_group.h>

#include "gatherd/executor/errors.hpp"

namespace gatherd::api::functions {

/// Raises `executor::cancelled_error` if nobody waits for this call any more. Functions of the compute pool call it
/// every few milliseconds; oneTBB's parallel algorithms stop by themselves. Cost: tens of nanoseconds.
inline void throw_if_abandoned() {
    namespace tbb = oneapi::tbb;
    const bool is_in_an_arena = tbb::this_task_arena::current_thread_index() != tbb::task_arena::not_initialized;
    if (is_in_an_arena && tbb::is_current_task_group_canceling()) {
        throw executor::cancelled_error{};
    }
}

}  // namespace gatherd::api::functions
