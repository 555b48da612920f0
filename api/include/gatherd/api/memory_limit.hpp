/// \file
/// The bound of the memory that client data may take: limits.memory_bytes.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <limits>
#include <memory>
#include <new>

#include "gatherd/executor/allocated_memory.hpp"

namespace gatherd::api {

/// There is no memory for a client's data: limits.memory_bytes is reached. The program or the message that needed it
/// ends with -32006; nothing in a plan catches it.
///
/// Where it can be raised: in memory_limit::check and nowhere else, so in what allocates by client_allocator (values),
/// in arenas of plans, where a message is decoded, where tasks of a plan are created, and where JSON text is written.
/// And only while the thread works for an account (executor::memory_turn): in a step of a program, in a call on a pool,
/// and where a message is decoded or an answer written. Never in a destructor, a queue, a timer or a cancellation:
/// these work for nobody, or allocate by other means.
class memory_limit_exceeded : public std::bad_alloc {
public:
    [[nodiscard]] const char* what() const noexcept override { return "limits.memory_bytes is reached"; }
};

/// limits.memory_bytes, for the whole process, since the allocator is the process's. In a program whose operator new
/// does not count (see executor::allocated_memory) it is never reached.
///
/// What answers, cancels, reports and drains does not ask: it may take more, from the reserve. That is what the
/// process may have in memory beyond the limit; see docs/OPERATIONS.md.
///
/// Threads: all members are safe from any thread.
class memory_limit {
public:
    static void set(std::size_t bytes) noexcept {
        most_.store(bytes, std::memory_order_relaxed);
        usable_.store(bytes, std::memory_order_relaxed);
    }
    [[nodiscard]] static std::size_t most() noexcept { return most_.load(std::memory_order_relaxed); }

    /// The process has so much in memory that is not allocated and that the reserve does not bear, as what malloc keeps
    /// between two pieces: so much less may be allocated, but half of the limit always.
    static void set_aside(std::size_t bytes) noexcept {
        usable_.store(most() - std::min(bytes, most() / 2), std::memory_order_relaxed);
    }

    /// Whether so many bytes more would be too much.
    [[nodiscard]] static bool is_reached(std::size_t more = 0) noexcept {
        return executor::allocated_memory::bytes() + more > usable();
    }

    /// Above the high-water mark, seven eighths of what may be allocated, nothing is begun that needs memory.
    [[nodiscard]] static bool is_high(std::size_t more = 0) noexcept {
        return executor::allocated_memory::bytes() + more > high_water();
    }
    [[nodiscard]] static std::size_t high_water() noexcept { return usable() - usable() / 8; }

    /// Client data of so many bytes is about to be made. Throws memory_limit_exceeded at the limit, and where nothing
    /// has begun yet (a message is being decoded, a plan read) at the high-water mark already: else programs that run
    /// would be ended for it.
    static void check(std::size_t bytes) {
        if (!is_granted(bytes)) [[unlikely]] {
            throw memory_limit_exceeded{};
        }
    }

    /// The same, told by an answer.
    [[nodiscard]] static bool is_granted(std::size_t bytes) noexcept { return !is_high(bytes) || !denies(bytes); }

private:
    // Numbers by themselves, as all that is counted here.
    [[nodiscard]] static std::size_t usable() noexcept { return usable_.load(std::memory_order_relaxed); }

    [[gnu::cold]] static bool denies(std::size_t bytes) noexcept {
        executor::memory_account* const account = executor::allocated_memory::account();
        const bool is_denied = account != nullptr && (account->is_refused_early() || is_reached(bytes));
        if (is_denied) {
            account->deny();
            executor::allocated_memory::ring();
        }
        return is_denied;
    }

    static inline constinit std::atomic<std::size_t> most_{std::numeric_limits<std::size_t>::max() / 2};
    static inline constinit std::atomic<std::size_t> usable_{std::numeric_limits<std::size_t>::max() / 2};
};

/// The allocator of client data: as std::allocator, but it asks the limit first.
template <typename T>
class client_allocator {
public:
    using value_type = T;
    using is_always_equal = std::true_type;

    client_allocator() noexcept = default;
    template <typename U>
    client_allocator(const client_allocator<U>&) noexcept {}

    [[nodiscard]] T* allocate(std::size_t count) {
        memory_limit::check(count * sizeof(T));
        return std::allocator<T>{}.allocate(count);
    }
    void deallocate(T* given, std::size_t count) noexcept { std::allocator<T>{}.deallocate(given, count); }

    friend bool operator==(const client_allocator&, const client_allocator&) noexcept { return true; }
};

}  // namespace gatherd::api
