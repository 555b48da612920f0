/// \file
/// What the records of all programs that are watched may take together.
#pragma once

#include <atomic>
#include <cstddef>
#include <list>
#include <mutex>

#include "gatherd/api/memory_limit.hpp"

namespace gatherd::api::plan {

class node_recorder;

/// Counts what the nodes of all records take, which counts as no program's memory and no client's. Where it is more
/// than a sixteenth of limits.memory_bytes, the oldest records are cut short (node_recorder::cut_short).
///
/// Threads: all members are safe from any thread. Lock order: its own lock before a record's.
class record_budget {
public:
    using list = std::list<node_recorder*>;

    record_budget() = default;
    record_budget(const record_budget&) = delete;
    record_budget& operator=(const record_budget&) = delete;

    [[nodiscard]] static std::size_t most_bytes() noexcept { return memory_limit::most() / 16; }
    [[nodiscard]] std::size_t bytes() const noexcept { return bytes_.load(std::memory_order_relaxed); }  // only counted

    /// Memory is short: all records are cut short. False: there was nothing in any.
    bool cut_all() noexcept;

private:
    friend class node_recorder;  // which enters and leaves, and counts its nodes

    /// For `newcomer`, until it leaves.
    void enter(node_recorder& newcomer);
    void leave(node_recorder& leaving) noexcept;

    /// Whoever has added calls make_room afterwards, and holds no lock of a record then.
    void add(std::size_t bytes) noexcept { bytes_.fetch_add(bytes, std::memory_order_relaxed); }
    void make_room() noexcept;
    void remove(std::size_t bytes) noexcept { bytes_.fetch_sub(bytes, std::memory_order_relaxed); }

    void cut_down_to(std::size_t most) noexcept;

    std::atomic<std::size_t> bytes_{0};
    std::mutex lock_;
    list records_;  // under lock_: those that are not cut short, the oldest first
};

}  // namespace gatherd::api::plan
