/// \file
/// Who sleeps, who searches: how a push finds a worker to wake, and never misses one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>

#include "gatherd/executor/detail/std_sync.hpp"

namespace gatherd::executor {

/// The parking protocol of the workers.
///
/// Roles       submitter: after it pushed work anywhere, claim_for_wake (any thread).
///             worker: begin_search, end_search, announce, is_searched, retract (each worker for itself).
///
/// State       word = idle workers << 16 | searching workers;  parked[i]: worker i may be claimed
///
///             running --begin_search--> searching --announce--> parked --claimed by a submitter--> searching
///                 ^                         |                   |    |
///                 +-- end_search: has work -+                   |    +-- retract: saw work ------> searching
///                 +-- retract: woken by a timer or a socket ----+
///
/// Invariants  I1  idle counts the workers whose announce is not yet taken back by retract or by a claim
///             I2  a worker looks at every queue between its announce and its sleep, or sees a searcher there
///             I3  when a push returns, some worker is awake that has yet to look, or was claimed by it
///
/// Edges       P   submitter: push, word load  ||  worker: word add, queue loads, all seq_cst: either the submitter
/// sees
///                 the idle worker, or the worker sees the work (I3)
///             Q   parked exchange by claim_for_wake  ||  by retract: exactly one gets `true` (I1)
///
/// A push that sees a searcher wakes nobody, and an announced worker that sees one sleeps without a look: both trust
/// the searcher. It looks at all queues after its own announce (I2), and searches again if there is something. If it
/// stops searching with work in hand, and is the last to do so, it looks at them too, before it turns to that work:
/// that is what `end_search` tells.
///
/// Evidence    tests/model/idle_workers_model.cpp (Relacy, this source, with the loop of worker.cpp retold);
///             tests/model/parking.pml (spin: every interleaving of two workers and two submitters).
///             tests/model/mutants.py weakens every operation in turn. The models notice at
///                   P  announce's add, end_search's sub, has_to_wake's load, and in the queues that are looked at:
///                   their own
///                      letter D
///                   Q  both exchanges, and every change of the word, made in two steps instead of one
///             By argument only, with the reasons in mutants.py: the orders of Q, since the word publishes the flags,
///             of the other changes of the word, since only the counts hang on them, and of is_searched, since it reads
///             nothing older than the worker's own announce.
template <typename Sync = std_sync>
class idle_workers {
public:
    explicit idle_workers(std::size_t workers)
        : workers_{workers}, parked_{std::make_unique<typename Sync::template atomic<bool>[]>(workers)} {
        for (std::size_t i = 0; i < workers; ++i) {
            parked_[i].store(false, std::memory_order_relaxed);  // no other thread yet
        }
    }

    /// Whether this worker may search: at most half of them do, so that thieves do not fight over crumbs.
    [[nodiscard]] bool begin_search() noexcept {
        if (searching(word_.load(std::memory_order_relaxed)) * 2 >= workers_) {  // a throttle, not a promise
            return false;
        }
        word_.fetch_add(one_searching, std::memory_order_seq_cst);  // P
        return true;
    }

    /// A searcher found work. True: it was the last. Submitters may have trusted it to look, so it must look at every
    /// queue once more, and where there is something wake another (claim_for_wake).
    [[nodiscard]] bool end_search() noexcept {
        return searching(word_.fetch_sub(one_searching, std::memory_order_seq_cst)) == 1;  // P
    }

    /// Worker `self` is about to sleep and may be claimed from now on. It must look at every queue after this.
    void announce(std::size_t self, bool was_searching) noexcept {
        parked_[self].store(true, std::memory_order_seq_cst);                                             // Q
        word_.fetch_add(was_searching ? one_idle - one_searching : one_idle, std::memory_order_seq_cst);  // P
    }

    /// Worker `self` woke by itself, or does not sleep after all. `saw_work`: since it found a queue that is not empty;
    /// it searches then, because submitters and sleepers may have trusted it to look. Gives whether it is a searcher
    /// now: also if it was claimed meanwhile.
    [[nodiscard]] bool retract(std::size_t self, bool saw_work) noexcept {
        if (!parked_[self].exchange(false, std::memory_order_seq_cst)) {  // Q
            return true;
        }
        word_.fetch_sub(saw_work ? one_idle - one_searching : one_idle, std::memory_order_seq_cst);  // P
        return saw_work;
    }

    /// Work was pushed: whether claim_for_wake may give a worker. Cost: one load, of a line that is written only when a
    /// worker goes to sleep or wakes.
    [[nodiscard]] bool has_to_wake() const noexcept {
        return needs_wake(word_.load(std::memory_order_seq_cst));  // P
    }

    /// The worker that the caller must wake, since work was pushed; none if all are awake or one is searching anyway.
    /// The claimed worker counts as a searcher from now on.
    [[nodiscard]] std::optional<std::size_t> claim_for_wake() noexcept {
        return has_to_wake() ? claim(word_.load(std::memory_order_relaxed)) : std::nullopt;  // a guess; claim decides
    }

    /// Whether a worker searches. One that has announced itself may sleep then, whatever is in the queues: who searches
    /// looks at them, and wakes another when it finds more than it can take.
    [[nodiscard]] bool is_searched() const noexcept {
        return searching(word_.load(std::memory_order_seq_cst)) != 0;  // P
    }

    /// Whether worker `i` sleeps, or is about to, or a socket or timer has just woken it. A hint.
    [[nodiscard]] bool is_parked(std::size_t i) const noexcept {
        return parked_[i].load(std::memory_order_seq_cst);  // for edge T of worker.hpp
    }

private:
    [[nodiscard, gnu::noinline]] std::optional<std::size_t> claim(std::uint64_t word) noexcept {
        while (needs_wake(word)) {
            // Count the searcher before there is one: the claimed worker may end its search before we go on here.
            if (!word_.compare_exchange_weak(word, word + one_searching, std::memory_order_seq_cst)) {  // P
                continue;
            }
            for (std::size_t i = 0; i < workers_; ++i) {
                if (parked_[i].load(std::memory_order_relaxed) &&             // only a hint: saves the exchange
                    parked_[i].exchange(false, std::memory_order_seq_cst)) {  // Q
                    word_.fetch_sub(one_idle, std::memory_order_seq_cst);     // P
                    return i;
                }
            }
            // Who was idle woke by itself. Others trusted the searcher that we announced, so look again in its place:
            // for who announced itself meanwhile. Who is counted but not parked is awake and about to look; to wait
            // here until it has left the count could take long, if it lost its core.
            word = word_.fetch_sub(one_searching, std::memory_order_seq_cst) - one_searching;  // P
            if (!any_parked()) {
                break;
            }
        }
        return std::nullopt;
    }

    [[nodiscard]] static constexpr bool needs_wake(std::uint64_t word) noexcept {
        return idle(word) != 0 && searching(word) == 0;
    }

    [[nodiscard]] bool any_parked() const noexcept {
        for (std::size_t i = 0; i < workers_; ++i) {
            if (parked_[i].load(std::memory_order_relaxed)) {  // P: the caller's word access saw the word add after it
                return true;
            }
        }
        return false;
    }

    static constexpr std::uint64_t one_searching = 1;
    static constexpr std::uint64_t one_idle = std::uint64_t{1} << 16;
    static constexpr std::uint64_t searching(std::uint64_t word) noexcept { return word & (one_idle - 1); }
    static constexpr std::uint64_t idle(std::uint64_t word) noexcept { return word >> 16; }

    std::size_t workers_;
    typename Sync::template atomic<std::uint64_t> word_{0};
    std::unique_ptr<typename Sync::template atomic<bool>[]> parked_;
};

}  // namespace gatherd::executor
