/// \file
/// How many bytes the process has allocated, and whose work allocated them.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>

#include <semaphore.h>

#include "gatherd/executor/detail/spin_lock.hpp"

namespace gatherd::executor {

/// The sum of some accounts, and of what else is added to it. Posts the bell of allocated_memory when it is above the
/// mark that all groups have.
///
/// Threads: all members are safe from any thread.
class memory_group {
public:
    [[nodiscard]] std::size_t bytes() const noexcept {
        const std::ptrdiff_t bytes = bytes_.load(std::memory_order_relaxed);  // only counted, as all here
        return bytes < 0 ? 0 : static_cast<std::size_t>(bytes);
    }
    void add(std::ptrdiff_t bytes) noexcept;

    static void set_mark(std::size_t bytes) noexcept;

private:
    std::atomic<std::ptrdiff_t> bytes_{0};
};

/// Bytes that one party's work has allocated and not freed. A program's tasks have one: see task_scope::memory.
///
/// What is freed by the work of others stays counted here. So it is an estimate of who holds much; the total is exact.
///
/// Its group hears of it when it differs by an eighth and 1 KiB from what that was told last: a party that allocates
/// and frees the same again and again costs the group nothing.
///
/// Threads: all members are safe from any thread.
class memory_account {
public:
    /// Of two parties that need memory when it is short, one is refused earlier: whose work has only begun.
    enum class kind : bool { late, early };

    explicit memory_account(kind refusal = kind::late) noexcept : is_early_{refusal == kind::early} {}
    memory_account(const memory_account&) = delete;
    memory_account& operator=(const memory_account&) = delete;
    ~memory_account() {
        if (group_ != nullptr) {
            join(nullptr);
        }
    }

    /// From now on it is part of this group, and of no other. Null: of none.
    void join(std::shared_ptr<memory_group> group) noexcept;

    [[nodiscard]] bool is_refused_early() const noexcept { return is_early_; }

    [[nodiscard]] std::size_t bytes() const noexcept {
        const std::ptrdiff_t bytes = bytes_.load(std::memory_order_relaxed);  // only counted, as all here
        return bytes < 0 ? 0 : static_cast<std::size_t>(bytes);
    }
    void add(std::ptrdiff_t bytes) noexcept {
        constexpr std::ptrdiff_t least_step = 1024;
        constexpr std::ptrdiff_t steps = 8;
        const std::ptrdiff_t told = told_.load(std::memory_order_relaxed);
        const std::ptrdiff_t untold = bytes_.fetch_add(bytes, std::memory_order_relaxed) + bytes - told;
        const std::ptrdiff_t step = told / steps + least_step;
        if (untold > step || untold < -step) [[unlikely]] {
            tell();
        }
    }

    /// An allocation of this party was refused: see gatherd::api::memory_limit. It is not taken back.
    void deny() noexcept { is_denied_.store(true, std::memory_order_relaxed); }
    [[nodiscard]] bool is_denied() const noexcept { return is_denied_.load(std::memory_order_relaxed); }

    /// Of a lasting_account: how many have had it, with the one that has it now. Of any other: 0.
    [[nodiscard]] std::uint64_t uses() const noexcept { return uses_.load(std::memory_order_relaxed); }

private:
    friend class lasting_account;

    void tell() noexcept;
    void reset() noexcept;

    std::atomic<std::ptrdiff_t> bytes_{0};
    std::atomic<std::ptrdiff_t> told_{0};  // what the group has of it, at least 0; changed under lock_
    std::shared_ptr<memory_group> group_;  // under lock_
    spin_lock lock_;
    std::atomic<bool> is_denied_{false};
    const bool is_early_;
    std::atomic<std::uint64_t> uses_{0};  // only counted
};

/// An account whose memory is never given back to the system, but used again for the next one. A worker that has just
/// suspended a task adds to the account of its scope, which may have ended by then: the bytes of that one step are then
/// counted for the next user of the account, or for nobody.
class lasting_account {
public:
    lasting_account();
    ~lasting_account();
    lasting_account(const lasting_account&) = delete;
    lasting_account& operator=(const lasting_account&) = delete;

    [[nodiscard]] memory_account& operator*() const noexcept { return account_; }

private:
    memory_account& account_;
};

/// The process's count of allocated bytes. It counts what `add` is told: a program whose operator new and delete call
/// it has an exact count (as gatherd has, see cli/serve/counting_allocator.cpp); in any other program it stays 0.
///
/// Each thread counts for itself, and adds to the common total when it has allocated or freed 32 KiB more. So an
/// allocation costs two additions, and a look at the total one load.
///
/// Threads: all members are safe from any thread, also inside operator new: none allocates.
class allocated_memory {
public:
    /// So many bytes more, or fewer, are allocated.
    static void add(std::ptrdiff_t bytes) noexcept {
        cell& own = own_;
        const std::ptrdiff_t counted = own.counted.load(std::memory_order_relaxed) + bytes;
        own.counted.store(counted, std::memory_order_relaxed);  // of this thread alone; others only look
        const std::ptrdiff_t unsent = counted - own.sent.load(std::memory_order_relaxed);
        if (unsent > own.batch || unsent < -own.batch) [[unlikely]] {
            send();
        }
    }

    /// They are as many as before, but the work in hand holds so many more of them, or fewer.
    static void attribute(std::ptrdiff_t bytes) noexcept {
        if (own_.account != nullptr) {
            own_.account->add(bytes);
        }
    }

    /// The total: exact but for 32 KiB a thread.
    [[nodiscard]] static std::size_t bytes() noexcept {
        const std::ptrdiff_t bytes = total_.load(std::memory_order_relaxed);  // only counted
        return bytes < 0 ? 0 : static_cast<std::size_t>(bytes);
    }

    /// The exact total. Cost: linear in the threads.
    [[nodiscard]] static std::size_t exact_bytes() noexcept;

    /// Posts `bell` when the total is above `mark`, at most once until it is armed again. Null: never.
    static void arm_alarm(std::size_t mark, sem_t* bell) noexcept;

    /// Posts the armed bell now, whatever the total is.
    static void ring() noexcept;

    /// For a program that counts, once: memory that a pool takes and does not touch yet is not counted then.
    static void begin_counting() noexcept { is_counting_.store(true, std::memory_order_relaxed); }
    [[nodiscard]] static bool is_counting() noexcept { return is_counting_.load(std::memory_order_relaxed); }

    /// Whose work this thread does; null: nobody's.
    [[nodiscard]] static memory_account* account() noexcept { return own_.account; }

    /// What the calling thread has allocated and not freed since it began; less than 0 if it frees what others did.
    [[nodiscard]] static std::ptrdiff_t counted() noexcept { return own_.counted.load(std::memory_order_relaxed); }

    /// From now on the thread works for `next`. Gives for whom it did before.
    static memory_account* work_for(memory_account* next) noexcept {
        cell& own = own_;
        if (own.account == next) {
            return next;
        }
        const std::ptrdiff_t counted = own.counted.load(std::memory_order_relaxed);
        if (own.account != nullptr && counted != own.turn_began) {
            own.account->add(counted - own.turn_began);
        }
        own.turn_began = counted;
        return std::exchange(own.account, next);
    }

private:
    struct cell {
        std::atomic<std::ptrdiff_t> counted{0};  // by this thread since it began
        std::atomic<std::ptrdiff_t> sent{0};     // of these, in total_
        std::ptrdiff_t batch = 0;                // 0: not in the list of cells yet, or no longer
        std::ptrdiff_t turn_began = 0;           // `counted` when the thread began to work for account
        memory_account* account = nullptr;
        cell* next = nullptr;
        cell* previous = nullptr;
        bool has_ended = false;  // the thread is about to end
    };
    struct membership;

    static void send() noexcept;

    static thread_local constinit cell own_;
    static std::atomic<std::ptrdiff_t> total_;
    static std::atomic<bool> is_counting_;
};

/// The thread works for an account, or for nobody (null), until the end of the block.
class memory_turn {
public:
    explicit memory_turn(memory_account* account) noexcept : outer_{allocated_memory::work_for(account)} {}
    memory_turn(const memory_turn&) = delete;
    memory_turn& operator=(const memory_turn&) = delete;
    ~memory_turn() { allocated_memory::work_for(outer_); }

private:
    memory_account* outer_;
};

/// The party that the calling thread works for, as another thread may know it later: what that one frees is taken from
/// the party's account, if it is a lasting one and still the party's.
class memory_owner {
public:
    memory_owner() noexcept
        : account_{allocated_memory::account()}, uses_{account_ == nullptr ? 0 : account_->uses()} {}

    /// Runs f(), which frees.
    template <typename Function>
    void charge(Function&& f) const {
        const std::ptrdiff_t before = allocated_memory::counted();
        {
            const memory_turn nobodys{nullptr};
            f();
        }
        if (uses_ != 0 && account_->uses() == uses_) {
            account_->add(allocated_memory::counted() - before);
        }
    }

private:
    memory_account* account_;
    std::uint64_t uses_;
};

}  // namespace gatherd::executor
