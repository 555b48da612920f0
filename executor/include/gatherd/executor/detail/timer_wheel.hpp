/// \file
/// Timers of one worker: a hierarchical wheel.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>

#include "gatherd/executor/detail/spin_lock.hpp"

namespace gatherd::executor {

/// The clock of every deadline here: asyncio's loop.time().
using clock = std::chrono::steady_clock;

class timer_wheel;

/// A deadline and what to do then. Intrusive: it lives where the waiting one keeps it, and costs no allocation.
///
/// It must not be destroyed between timer_wheel::add and either its firing or a remove() that said true.
class timer_node {
public:
    using fire_function = void (*)(timer_node&) noexcept;

    explicit timer_node(fire_function fire) noexcept : fire_{fire} {}
    timer_node(const timer_node&) = delete;
    timer_node& operator=(const timer_node&) = delete;

protected:
    clock::time_point deadline_{};  ///< the wheel's, once the timer was added
    void* wakes_ = nullptr;         ///< what firing will touch, if the wheel is to fetch it in time; never followed

private:
    friend class timer_wheel;

    fire_function fire_;
    timer_node* next_ = nullptr;
    timer_node* previous_ = nullptr;  // of the first in a slot, the last; none: in no slot, fired or about to
    timer_wheel* wheel_ = nullptr;    // where it is or was last linked; written under that wheel's lock
};

/// A hierarchical timing wheel (Varghese and Lauck, SOSP 1987; scheme 6 and 7): add and remove in constant time,
/// whatever the range. Eight levels of 64 slots; the lowest has slots of 2^18 ns (a quarter of a millisecond).
///
/// Timers fire in the order of their deadlines, never early, late by less than a slot and by the worker's own delay.
/// Among equal deadlines the first added is the first fired: they always share a slot, and each slot keeps its order.
///
/// Threads: all are safe. A worker adds to its own wheel and fires it, so the lock is almost never contended.
///
/// Edge  T  add: earliest_ store, seq_cst  ||  a worker that parks: see worker.hpp
class timer_wheel {
public:
    static constexpr std::size_t most_at_once = 1024;

    explicit timer_wheel(clock::time_point start) noexcept : start_{start} {}
    timer_wheel(const timer_wheel&) = delete;
    timer_wheel& operator=(const timer_wheel&) = delete;

    /// Adds a timer that is in no wheel. Deadlines beyond 146 years count as that.
    /// True: it is now the earliest, so that a worker that sleeps until the former earliest must be woken.
    bool add(timer_node& t, clock::time_point deadline) noexcept;

    /// Takes a timer back before it fires. False: it has fired, is about to, or was never added; then it is the
    /// firing that goes on, exactly once.
    static bool remove(timer_node& t) noexcept;

    /// Fires timers that are due, in order, and tells how many: at most most_at_once, and the rest by the next calls;
    /// none while another thread fires. The fire functions run without the lock.
    std::size_t fire_due(clock::time_point now) noexcept;

    /// Not later than the earliest deadline, without the lock: for other workers than the owner, which look whether a
    /// busy one is late. It may be too early after a timer was removed, until next_due is called.
    [[nodiscard]] clock::time_point earliest_due() const noexcept {
        if (is_behind_.load(std::memory_order_relaxed)) {
            return start_;
        }
        const std::uint64_t tick = earliest_.load(std::memory_order_seq_cst);  // T
        return tick == none ? clock::time_point::max() : time_of(tick);
    }

    /// When to call fire_due next: not later than the earliest deadline. None when the wheel is empty.
    [[nodiscard]] std::optional<clock::time_point> next_due() const noexcept;

private:
    static constexpr int levels = 8;
    static constexpr int slot_bits = 6;
    static constexpr std::uint64_t slots = std::uint64_t{1} << slot_bits;
    static constexpr int tick_bits = 18;  // nanoseconds of a tick: 2^18
    static constexpr std::uint64_t none = ~std::uint64_t{0};

    /// Timers in the order of their deadlines, chained through next_.
    struct run {
        timer_node* first;
        timer_node* last;
    };

    struct position {
        int level;
        std::uint64_t tick;  // where that slot begins
    };

    [[nodiscard]] clock::time_point time_of(std::uint64_t tick) const noexcept {
        return start_ + std::chrono::nanoseconds{static_cast<std::int64_t>(tick << tick_bits)};
    }
    [[nodiscard]] static std::size_t slot_of(const position& at) noexcept {
        return (at.tick >> (at.level * slot_bits)) & (slots - 1);
    }
    [[nodiscard]] static std::uint64_t bit_of(const position& at) noexcept { return std::uint64_t{1} << slot_of(at); }
    [[nodiscard]] timer_node*& head_of(const position& at) noexcept {
        return heads_[static_cast<std::size_t>(at.level)][slot_of(at)];
    }
    [[nodiscard]] position position_of(const timer_node& t) const noexcept;
    std::size_t fire_due_alone(clock::time_point now) noexcept;
    [[nodiscard]] std::uint64_t link(timer_node& t) noexcept;
    void unlink(timer_node& t) noexcept;
    [[nodiscard]] std::uint64_t tick_of(clock::time_point deadline) const noexcept;
    [[nodiscard]] std::optional<position> earliest() const noexcept;
    timer_node* take_due(std::uint64_t now) noexcept;
    static run merged(run earlier, run later) noexcept;
    static timer_node* sorted(timer_node* list) noexcept;

    clock::time_point start_;
    mutable spin_lock lock_;
    std::uint64_t elapsed_ = 0;  // ticks since start_ up to which all slots are empty
    // No slot with a timer begins before this tick; exact after next_due(). Written under the lock.
    mutable std::atomic<std::uint64_t> earliest_{none};
    std::atomic<bool> firing_{false};
    timer_node* behind_ = nullptr;                  // due, in order, and not fired yet: of who fires
    std::atomic<bool> is_behind_{false};            // whether there are such: a hint for the others
    std::array<std::uint64_t, levels> occupied_{};  // a bit a slot
    std::array<std::array<timer_node*, slots>, levels> heads_{};
};

}  // namespace gatherd::executor
