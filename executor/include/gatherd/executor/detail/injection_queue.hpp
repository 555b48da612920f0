/// \file
/// Work handed to the workers from threads that are none.
#pragma once

#include "gatherd/executor/detail/std_sync.hpp"
#include "gatherd/executor/work.hpp"

namespace gatherd::executor {

/// An intrusive stack that many push to and one exchange takes whole (Treiber's, without its pop: no ABA).
///
/// Roles       submitters: push (any thread).  takers: take_all (any thread).
/// Invariants  I1  every item is given to exactly one taker
/// Edges       A   push: head exchange, release  ->  take_all: head exchange, acquire      the item is visible
///             D   push: head exchange, the submitter's light fence  ||  parking: see idle_workers.hpp, edge P
/// Evidence    tests/model/idle_workers_model.cpp (Relacy, this source), tests/stress/scheduler_stress.cpp.
///             tests/model/mutants.py weakens every operation in turn: the models notice each, A and D.
template <typename Sync = std_sync>
class injection_queue {
public:
    /// Adds one item. Any thread.
    void push(work& item) noexcept { push_chain(item, item); }

    /// Adds a chain linked through `next`, newest first, in one exchange. Any thread.
    void push_chain(work& newest, work& oldest) noexcept {
        work* head = head_.load(std::memory_order_relaxed);  // a guess; the exchange decides
        do {
            oldest.next = head;
        } while (!head_.compare_exchange_weak(head, &newest, Sync::before_fence));  // A, D
    }

    /// Takes everything, oldest first, linked through `next`; null when there is nothing. Any thread.
    [[nodiscard]] work* take_all() noexcept {
        if (empty()) {
            return nullptr;  // an exchange would take the line away from the submitters
        }
        work* newest = head_.exchange(nullptr, std::memory_order_acquire);  // A
        work* oldest_first = nullptr;
        while (newest != nullptr) {
            work* const older = newest->next;
            newest->next = oldest_first;
            oldest_first = newest;
            newest = older;
        }
        return oldest_first;
    }

    [[nodiscard]] bool empty() const noexcept { return head_.load(Sync::after_fence) == nullptr; }  // D

private:
    typename Sync::template atomic<work*> head_{nullptr};
};

}  // namespace gatherd::executor
