#include "gatherd/executor/detail/compute_pool.hpp"

#include <oneapi/tbb/global_control.h>
#include <oneapi/tbb/task_arena.h>
#include <oneapi/tbb/task_scheduler_observer.h>
#include <pthread.h>

#include <atomic>
#include <cstddef>
#include <utility>

namespace gatherd::executor {
namespace {

/// oneTBB starts its threads from whichever needs them, so that they inherit a pinned worker's CPU. Each that enters
/// the arena, also for a part of a parallel algorithm, is sent where it may run.
class unpinning : public oneapi::tbb::task_scheduler_observer {
public:
    unpinning(oneapi::tbb::task_arena& arena, const cpu_mask& to) : task_scheduler_observer{arena}, to_{to} {
        observe(!to.empty());
    }
    /// oneTBB lets the entries end that have begun, and no more begin. ThreadSanitizer does not see what it counts them
    /// by, so there is a number of ours.
    ~unpinning() override {
        observe(false);
        static_cast<void>(entries.load(std::memory_order_acquire));  // E
    }

    void on_scheduler_entry(bool /*is_worker*/) override {
        static_cast<void>(to_.apply_to(pthread_self()));  // refused: it works where it is
        entries.fetch_add(1, std::memory_order_release);  // E: all of the above comes before the end of this object
    }

private:
    static inline std::atomic<std::size_t> entries{0};

    const cpu_mask& to_;
};

}  // namespace

/// Made by the first call: who never computes has none of its threads.
struct compute_pool::arena {
    // oneTBB counts the thread that waits for the work among its threads; ours never does, so it gets one more. No slot
    // of the arena is kept for a thread of ours: workers never enter it.
    arena(std::size_t max_threads, const cpu_mask& cpus)
        : threads{oneapi::tbb::global_control::max_allowed_parallelism, max_threads + 1},
          tasks{static_cast<int>(max_threads), 0},
          unpinned{tasks, cpus} {}

    oneapi::tbb::global_control threads;
    oneapi::tbb::task_arena tasks;
    unpinning unpinned;
};

/// What oneTBB is told, once for each item. It copies this into a task of its own, in memory that it uses again and
/// again, and one of its threads calls the copy. It orders all of that, but out of ThreadSanitizer's sight: so the copy
/// is written and read as an atomic, relaxed. What the lane itself holds is under its lock.
class compute_pool::one_more {
public:
    explicit one_more(compute_pool& lane) noexcept { set(&lane); }
    one_more(const one_more& other) noexcept { set(other.get()); }
    one_more& operator=(const one_more&) = delete;
    ~one_more() = default;

    void operator()() const { get()->run_next(); }

private:
    void set(compute_pool* lane) noexcept { std::atomic_ref{lane_}.store(lane, std::memory_order_relaxed); }
    compute_pool* get() const noexcept { return std::atomic_ref{lane_}.load(std::memory_order_relaxed); }

    mutable compute_pool* lane_;  // std::atomic_ref takes no const
};

compute_pool::compute_pool(std::size_t max_threads, cpu_mask cpus) noexcept
    : max_threads_{max_threads}, cpus_{std::move(cpus)} {}

compute_pool::~compute_pool() {
    stop();
}

bool compute_pool::submit(work& item) noexcept {
    std::call_once(made_, [this] { arena_ = std::make_unique<arena>(max_threads_, cpus_); });
    {
        const std::lock_guard guard{lock_};
        waiting_.push(item);
        ++unfinished_;
    }
    arena_->tasks.enqueue(one_more{*this});
    return true;
}

void compute_pool::run_next() noexcept {
    std::unique_lock guard{lock_};
    work& item = waiting_.pop();
    guard.unlock();
    item.run(item);
    guard.lock();
    if (--unfinished_ == 0) {
        idle_.notify_all();  // under the lock: stop() may end this object's life right after
    }
}

void compute_pool::stop() noexcept {
    std::unique_lock guard{lock_};
    idle_.wait(guard, [this] { return unfinished_ == 0; });
}

}  // namespace gatherd::executor
