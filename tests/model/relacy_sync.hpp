/// \file
/// The atomics of the model checker Relacy, in the clothes of std::atomic. Include it after every header of gatherd.
#pragma once

#include <atomic>
#include <source_location>
#include <string_view>

#include "tests/model/mutation.hpp"

// Relacy must come last: until the lines below it redefines words of the language.
#include <relacy/relacy.hpp>
#undef new
#undef delete
#undef malloc
#undef calloc
#undef realloc
#undef free
#undef assert
#undef errno
#undef memory_order_relaxed
#undef memory_order_consume
#undef memory_order_acquire
#undef memory_order_release
#undef memory_order_acq_rel
#undef memory_order_seq_cst

namespace gatherd::model {

inline rl::debug_info trace(const std::source_location& at) {
    return {at.function_name(), at.file_name(), at.line()};
}

/// As much of std::atomic as the executor's lock-free headers use. Every operation is a point where Relacy may switch
/// threads, and every load may give an older value where its order allows that.
///
/// Failures are traced to the line of the caller, which is in the header under test; mutation::chosen() may change
/// the order of the operation on one line.
template <typename T>
class relacy_atomic {
public:
    using place = std::source_location;

    relacy_atomic(T initial = T{}) { value_.store(initial, rl::mo_relaxed, RL_INFO); }

    [[nodiscard]] T load(std::memory_order order, place at = place::current()) const {
        return value_.load(order_of(order, at), trace(at));
    }
    void store(T desired, std::memory_order order, place at = place::current()) {
        value_.store(desired, order_of(order, at), trace(at));
    }
    T exchange(T desired, std::memory_order order, place at = place::current()) {
        if (is_split(at)) {
            return split(at, [&](T) { return desired; });
        }
        return value_.exchange(desired, order_of(order, at), trace(at));
    }
    T fetch_add(T operand, std::memory_order order, place at = place::current()) {
        if (is_split(at)) {
            return split(at, [&](T old) { return old + operand; });
        }
        return value_.fetch_add(operand, order_of(order, at), trace(at));
    }
    T fetch_sub(T operand, std::memory_order order, place at = place::current()) {
        if (is_split(at)) {
            return split(at, [&](T old) { return old - operand; });
        }
        return value_.fetch_sub(operand, order_of(order, at), trace(at));
    }
    bool compare_exchange_strong(T& expected, T desired, std::memory_order order, place at = place::current()) {
        if (is_split(at)) {
            return split_compare(expected, desired, at);
        }
        return value_.compare_exchange_strong(expected, desired, order_of(order, at), trace(at));
    }
    bool compare_exchange_weak(T& expected, T desired, std::memory_order order, place at = place::current()) {
        if (is_split(at)) {
            return split_compare(expected, desired, at);
        }
        return value_.compare_exchange_weak(expected, desired, order_of(order, at), trace(at));
    }

private:
    static rl::memory_order order_of(std::memory_order written, const place& at) {
        const std::string_view changed = mutation::chosen().at(at);
        if (!changed.empty()) {
            return changed == "relaxed"   ? rl::mo_relaxed
                   : changed == "acquire" ? rl::mo_acquire
                   : changed == "release" ? rl::mo_release
                                          : rl::mo_acq_rel;
        }
        switch (written) {
            case std::memory_order::relaxed:
                return rl::mo_relaxed;
            case std::memory_order::consume:
                return rl::mo_consume;
            case std::memory_order::acquire:
                return rl::mo_acquire;
            case std::memory_order::release:
                return rl::mo_release;
            case std::memory_order::acq_rel:
                return rl::mo_acq_rel;
            case std::memory_order::seq_cst:
                break;
        }
        return rl::mo_seq_cst;
    }

    static bool is_split(const place& at) { return mutation::chosen().at(at) == "split"; }

    template <typename Change>
    T split(const place& at, Change change) {
        const T old = value_.load(rl::mo_seq_cst, trace(at));
        value_.store(change(old), rl::mo_seq_cst, trace(at));
        return old;
    }
    bool split_compare(T& expected, T desired, const place& at) {
        const T old = value_.load(rl::mo_seq_cst, trace(at));
        if (old != expected) {
            expected = old;
            return false;
        }
        value_.store(desired, rl::mo_seq_cst, trace(at));
        return true;
    }

    rl::atomic<T> value_;
};

/// The checker's mutex as a lock of the standard: who waits for it is blocked, so a lock that is never given back is a
/// deadlock that Relacy reports.
class relacy_lock {
public:
    void lock() { mutex_.lock(RL_INFO); }
    void unlock() { mutex_.unlock(RL_INFO); }

private:
    rl::mutex mutex_;
};

/// The policy for the lock-free headers.
struct relacy_sync {
    template <typename T>
    using atomic = relacy_atomic<T>;
    using lock = relacy_lock;
};

}  // namespace gatherd::model
