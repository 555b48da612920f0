/// \file
/// Tests of what asyncio defines the order of: a scope that runs one task at a time.
#pragma once

#include <string>
#include <utility>

#include "gatherd/executor/run.hpp"

namespace gatherd::executor {

template <typename T>
T serially(task<T> main) {
    scheduler on{{.workers = 2}};
    return run(on, std::move(main), ordering::serial);
}

/// The ends of tasks, each by a letter: v for a value, c for CancelledError, x for another exception.
template <typename... Handles>
std::string ends_of(const Handles&... handles) {
    return {(handles.cancelled() ? 'c' : handles.failed() ? 'x' : 'v')...};
}

}  // namespace gatherd::executor
