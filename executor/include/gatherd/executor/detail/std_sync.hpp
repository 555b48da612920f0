/// \file
/// Where lock-free code takes its atomics and fences from: the standard library and the kernel, unless a checker asks
/// for its own.
#pragma once

#include <atomic>

#include "gatherd/executor/detail/asymmetric_fence.hpp"

#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define GATHERD_UNDER_TSAN
#endif
#elif defined(__SANITIZE_THREAD__)
#define GATHERD_UNDER_TSAN
#endif

namespace gatherd::executor {

/// What every policy has: `atomic`, and the two sides of an asymmetric_fence with the orders of the accesses round
/// them. Beside its fence a store needs no more than to publish what it points to, and a load no more than to see it.
///
/// This is the policy of the shipped program. tests/model/ has another, so that the very same source is checked there:
/// with full fences, which is what the asymmetric pair stands for.
struct asymmetric_sync {
    template <typename T>
    using atomic = std::atomic<T>;
    static constexpr std::memory_order before_fence = std::memory_order_release;
    static constexpr std::memory_order after_fence = std::memory_order_acquire;
    static void light_fence() noexcept { asymmetric_fence::light(); }
    static void heavy_fence() noexcept { asymmetric_fence::heavy(); }
};

/// ThreadSanitizer knows no fences: the accesses round them carry the order instead, which is never weaker.
struct fenceless_sync {
    template <typename T>
    using atomic = std::atomic<T>;
    static constexpr std::memory_order before_fence = std::memory_order_seq_cst;
    static constexpr std::memory_order after_fence = std::memory_order_seq_cst;
    static void light_fence() noexcept {}
    static void heavy_fence() noexcept {}
};

#ifdef GATHERD_UNDER_TSAN
using std_sync = fenceless_sync;
#else
using std_sync = asymmetric_sync;
#endif
#undef GATHERD_UNDER_TSAN

}  // namespace gatherd::executor
