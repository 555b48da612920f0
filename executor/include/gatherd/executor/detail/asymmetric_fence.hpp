/// \file
/// A fence whose whole cost one side bears: the side that comes seldom.
#pragma once

#include <atomic>

namespace gatherd::executor {

/// Two threads that each store, fence, then load what the other stores: at least one of them must see the other's store
/// (Dekker). With a full fence on both sides the frequent one pays about 10 ns each time. Here it calls `light`, which
/// only stops the compiler; the seldom one calls `heavy`, which has the kernel run a full fence on every core that runs
/// a thread of this process: membarrier(2), 0.2 to 2 us. The pair orders as two sequentially consistent fences do.
///
/// Where the kernel has no membarrier, or a seccomp filter refuses it, both are full fences.
///
/// Threads: prepare before the threads that use it exist; light and heavy from any.
class asymmetric_fence {
public:
    /// Registers the process with the kernel, once; the scheduler's constructor calls it. Until then both are full.
    static void prepare() noexcept;

    /// The frequent side, between its store and its load.
    static void light() noexcept {
        if (has_membarrier_) {
            std::atomic_signal_fence(std::memory_order_seq_cst);
        } else {
            std::atomic_thread_fence(std::memory_order_seq_cst);
        }
    }

    /// The seldom side, between its store and its load.
    static void heavy() noexcept;

    /// Whether the kernel does it. For reports.
    [[nodiscard]] static bool is_asymmetric() noexcept { return has_membarrier_; }

private:
    static inline bool has_membarrier_ = false;  // written once, by prepare
};

}  // namespace gatherd::executor
