/// \file
/// The created tasks that may be asked for.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "api/live_value.hpp"
#include "gatherd/api/limits.hpp"
#include "gatherd/executor/scheduler.hpp"
#include "gatherd/executor/timer.hpp"

namespace gatherd::api::server {

class counters;
class created_task;

/// Created tasks by id: those that run, and the results of those that ended, for as long as they are kept. Beyond
/// limits.kept_results or limits.kept_bytes the oldest finished ones go first.
///
/// What has outlived its time goes at the next call that adds, finds, counts or finishes tasks, or else by a timer, so
/// many at a time. It is found by nobody meanwhile.
///
/// Threads: all members are safe from any thread. Lock order: the table's, a task's, a connection's.
class task_table {
public:
    task_table(executor::scheduler& threads, const live_value<limits>& bounds, counters& counts);
    ~task_table();
    task_table(const task_table&) = delete;
    task_table& operator=(const task_table&) = delete;

    /// An id that nobody can guess: 128 bits from the operating system.
    [[nodiscard]] static std::string new_id();

    void add(const std::shared_ptr<created_task>& task);

    /// The task of that id, or null when there is none any more.
    [[nodiscard]] std::shared_ptr<created_task> find(std::string_view id);

    /// A task has ended with a result of so many bytes: its time to be kept begins.
    void finish(const std::shared_ptr<created_task>& task, std::size_t bytes);

    /// Drops a finished task's result. False: it was not among the finished.
    bool forget(std::string_view id);

    /// A task, and its number in the order in which they were added.
    struct numbered {
        std::uint64_t number;
        std::shared_ptr<created_task> task;
    };

    /// Up to so many tasks whose number is higher, the oldest first. Cost: what it gives, so whoever goes through all
    /// tasks does so in pieces.
    [[nodiscard]] std::vector<numbered> some_after(std::uint64_t number, std::size_t most);

    /// All tasks, the oldest first. Not on a worker.
    [[nodiscard]] std::vector<std::shared_ptr<created_task>> all();

    void cancel_all(const std::string& message);

    /// Memory is short: drops the oldest kept results, half of their bytes.
    void drop_half();

    [[nodiscard]] std::size_t size();

    /// Results that are kept, and how many bytes they have.
    [[nodiscard]] std::size_t kept();
    [[nodiscard]] std::size_t kept_bytes();

    /// Results that went before their time, for want of room.
    [[nodiscard]] std::uint64_t dropped() const noexcept { return dropped_.load(std::memory_order_relaxed); }

private:
    using clock = std::chrono::steady_clock;

    struct finished {
        clock::time_point expires;
        std::size_t bytes;
        std::uint64_t order;  // in which they finished
    };
    struct entry {
        std::shared_ptr<created_task> task;
        std::uint64_t number;  // in which they were added
        std::optional<finished> end;
    };
    struct id_hash {
        using is_transparent = void;
        std::size_t operator()(std::string_view id) const noexcept { return std::hash<std::string_view>{}(id); }
    };
    using table = std::unordered_map<std::string, entry, id_hash, std::equal_to<>>;

    /// What the timer finds, also when the table has gone.
    struct sweeper {
        std::mutex lock;
        task_table* table;  // under lock
    };

    void sweep();
    void sweep_in_time();
    void drop(table::iterator at);

    executor::scheduler& threads_;
    const live_value<limits>& limits_;
    counters& counters_;
    std::atomic<std::uint64_t> dropped_{0};  // only counted
    std::mutex lock_;
    table tasks_;                                                                   // under lock_, as all below
    std::map<std::uint64_t, std::shared_ptr<created_task>> by_number_;              // in which they were added
    std::map<std::uint64_t, std::string> by_end_;                                   // finished ones, the oldest first
    std::map<std::pair<clock::time_point, std::uint64_t>, std::string> by_expiry_;  // and by the order of their ends
    std::size_t kept_bytes_ = 0;
    std::uint64_t numbers_ = 0;
    std::optional<clock::time_point> sweeps_at_;
    executor::timer timer_;
    const std::shared_ptr<sweeper> sweeper_;
};

}  // namespace gatherd::api::server
