/// \file
/// Where lock-free code takes its atomics and locks from: this project's own, unless a model checker asks for others.
#pragma once

#include <atomic>

#include "gatherd/executor/detail/spin_lock.hpp"

namespace gatherd::executor {

/// The policy of the shipped program. tests/model/ has another one, so that the very same source is checked there.
struct std_sync {
    template <typename T>
    using atomic = std::atomic<T>;
    using lock = spin_lock;
};

}  // namespace gatherd::executor
