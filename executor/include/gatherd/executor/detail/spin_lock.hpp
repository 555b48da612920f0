/// \file
/// A one-byte lock for sections of a few instructions.
#pragma once

#include <atomic>
#include <thread>

namespace gatherd::executor {

/// Meets the standard's Lockable. One byte, so that every task can have its own; 10 ns when nobody else wants it.
///
/// Nothing may block or run foreign code while holding it. Lock order: docs/ARCHITECTURE.md.
class spin_lock {
public:
    void lock() noexcept {
        while (locked_.exchange(true, std::memory_order_acquire)) {  // A: the last holder's writes are visible
            for (int spins = 0; locked_.load(std::memory_order_relaxed); ++spins) {  // only a hint when to try again
                if (spins >= spins_before_yield) {
                    std::this_thread::yield();  // the holder may have lost its core
                }
            }
        }
    }

    [[nodiscard]] bool try_lock() noexcept { return !locked_.exchange(true, std::memory_order_acquire); }  // A

    void unlock() noexcept { locked_.store(false, std::memory_order_release); }  // A

private:
    static constexpr int spins_before_yield = 100;
    std::atomic<bool> locked_{false};
};

}  // namespace gatherd::executor
