/// \file
/// The threads that run tasks, and the way work reaches them.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include "gatherd/executor/counters.hpp"
#include "gatherd/executor/detail/cpu_mask.hpp"
#include "gatherd/executor/detail/idle_workers.hpp"
#include "gatherd/executor/detail/injection_queue.hpp"
#include "gatherd/executor/detail/timer_wheel.hpp"

namespace asio {
class io_context;
}

namespace gatherd::executor {

class blocking_pool;
class cancellation_walk;
class task_scope;
class task_walk;
class compute_pool;
class worker;
struct work;
class work_list;

/// How large a scheduler is.
struct scheduler_options {
    std::size_t workers = 0;            ///< threads that run tasks; 0: as many as available_parallelism()
    std::size_t blocking_threads = 64;  ///< the most threads that to_thread may use at once; at least 1

    /// Each worker stays on one CPU, of those that the thread that makes the scheduler may use: the first worker on the
    /// first one, and round again when there are more workers. Threads of the pools use all of them as ever; a thread
    /// that a task starts by itself inherits the worker's CPU, unless it calls use_all_cpus(). For machines that run
    /// little else: a worker whose CPU is taken by another program waits for it.
    bool pin_workers = false;
};

/// A fixed set of workers, each a thread with a deque, a timer wheel and a reactor; and two pools for what would
/// hold a worker up. Work-stealing: a worker out of work takes the oldest work of another.
///
/// Fairness: see worker.
///
/// Threads: every member may be called from any, the destructor from none of the workers.
class scheduler {
public:
    /// Starts the threads. Throws std::invalid_argument for options that cannot be, and std::system_error when the
    /// system has no thread left.
    explicit scheduler(scheduler_options options = {});

    /// Stops as stop() does.
    ~scheduler();
    scheduler(const scheduler&) = delete;
    scheduler& operator=(const scheduler&) = delete;

    /// Ends the workers after the work that they have in hand, and joins them. All tasks must have ended before:
    /// whoever owns scopes waits for them. What is still queued is dropped without being run.
    void stop() noexcept;

    /// Where a worker that calls submit puts the work: see worker for what comes first.
    enum class placement : std::uint8_t {
        ready,     ///< at the end of its ready queue
        spawned,   ///< among the tasks that the running one has created
        soon,      ///< as ready; a worker that has nothing else waiting keeps it to itself and wakes nobody
        yielding,  ///< as soon, behind everything that is ready or spawned there
    };

    /// Hands work to the workers: to the calling worker's own queues, else to all; wakes a sleeping worker if one
    /// could help. `soon` is right for a worker that is about to look at its queues, such as one that just ended a task
    /// which another one awaited.
    void submit(work& item, placement place = placement::ready) noexcept;

    /// As submit, for all of them, in their order and with one wake-up.
    void submit_bulk(std::span<work* const> items) noexcept;

    [[nodiscard]] std::size_t workers() const noexcept { return workers_.size(); }

    /// How many workers stay on one CPU: all or none, unless the kernel refused one, which then runs where it likes.
    [[nodiscard]] std::size_t pinned_workers() const noexcept { return pinned_workers_; }

    /// Lets the calling thread run wherever the maker of the scheduler could: for a thread that a pinned worker has
    /// started. Where workers are not pinned it does nothing.
    void use_all_cpus() const noexcept;

    /// The event loop of a worker, for sockets that are to live there. `index` < workers().
    [[nodiscard]] asio::io_context& io(std::size_t index) noexcept;

    /// The timers of the calling worker, or of some worker when called from outside. Stable for the scheduler's life.
    [[nodiscard]] std::size_t timer_home() const noexcept;

    /// Adds a timer that resumes a task. A worker's wheel keeps it; another worker fires it where that one is late.
    void add_timer(std::size_t home, timer_node& t, clock::time_point deadline) noexcept;

    /// Adds a timer whose callback runs on that worker alone, however late.
    void add_callback(std::size_t home, timer_node& t, clock::time_point deadline) noexcept;

    [[nodiscard]] blocking_pool& blocking() noexcept { return *blocking_; }
    [[nodiscard]] compute_pool& compute() noexcept { return *compute_; }

    /// Wakes a worker if one sleeps and none searches: after work was pushed. Cost where none sleeps: one load.
    void wake_one() noexcept {
        if (idle_.has_to_wake()) [[unlikely]] {
            wake_sleeper();
        }
    }

    /// Whether a worker sleeps, or has just been woken by a socket or timer: a hint, out of date at once. `index` <
    /// workers().
    [[nodiscard]] bool is_parked(std::size_t index) const noexcept { return idle_.is_parked(index); }

    /// What each worker has done so far. From any thread, also while they run.
    [[nodiscard]] std::vector<worker_counters> counters() const;

    /// The scheduler whose worker calls, or null.
    [[nodiscard]] static scheduler* current() noexcept;

private:
    friend class cancellation_walk;
    friend class task_scope;
    friend class task_walk;
    friend class worker;

    [[nodiscard]] worker* here() const noexcept;
    [[nodiscard]] worker& worker_after(std::size_t index, std::size_t distance) const noexcept {
        return *workers_[(index + distance) % workers_.size()];
    }
    void inject(work& item) noexcept;
    void put_behind(work& item) noexcept;
    void inject_from_outside(work& item) noexcept;
    void inject_from_outside(work_list& items) noexcept;
    [[gnu::cold]] void wake_sleeper() noexcept;
    [[nodiscard]] bool any_work() const noexcept;

    void pin_workers();

    const cpu_mask cpus_;  // where workers are pinned, those that all the other threads may use; else empty
    std::size_t pinned_workers_ = 0;
    std::vector<std::unique_ptr<worker>> workers_;
    idle_workers<> idle_;
    injection_queue<> injected_;
    injection_queue<> behind_;  // what one step makes ready beyond some
    std::unique_ptr<blocking_pool> blocking_;
    std::unique_ptr<compute_pool> compute_;
    std::mutex scopes_lock_;             // of these lists: held by dump_tasks while it walks them
    task_scope* first_scope_ = nullptr;  // under scopes_lock_: those that have not drained, the newest first
    std::mutex walks_lock_;
    cancellation_walk* first_walk_ = nullptr;  // under walks_lock_: those that are in a queue or being run
    std::atomic<bool> stopping_{false};
    std::atomic<std::size_t> injecting_{0};  // threads from outside that are inside inject()
};

}  // namespace gatherd::executor
