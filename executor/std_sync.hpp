/// \file
/// Where lock-free code takes its atomics from: the standard library, unless a model checker asks for its own.
#pragma once

#include <atomic>

namespace gatherd::executor {

/// The policy of the shipped program. tests/model/ has another, so that the very same source is checked there.
struct std_sync {
    template <typename T>
    using atomic = std::atomic<T>;
};

}  // namespace gatherd::executor
