/// \file
/// One thread of the scheduler and all that it owns.
#pragma once

#include <atomic>
#include <chrono>
#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <thread>
#include <vector>

#include "gatherd/executor/counters.hpp"
#include "gatherd/executor/detail/cpu_mask.hpp"
#include "gatherd/executor/detail/reactor.hpp"
#include "gatherd/executor/detail/run_queue.hpp"
#include "gatherd/executor/detail/timer_wheel.hpp"
#include "gatherd/executor/detail/work_deque.hpp"
#include "gatherd/executor/work.hpp"

namespace gatherd::executor {

class scheduler;
class task_scope;
class task_state;

/// A pointer that its owner reads and writes like any other. Other threads may read it too, and compare it.
class running_task {
public:
    running_task() noexcept = default;
    running_task(const running_task& other) noexcept : task_{other.get()} {}
    running_task& operator=(const running_task&) = delete;
    running_task& operator=(task_state* task) noexcept {
        task_.store(task, std::memory_order_relaxed);  // an address, nothing else
        return *this;
    }

    [[nodiscard]] task_state* get() const noexcept { return task_.load(std::memory_order_relaxed); }
    operator task_state*() const noexcept { return get(); }  // NOLINT(google-explicit-constructor)
    task_state* operator->() const noexcept { return get(); }

private:
    std::atomic<task_state*> task_{nullptr};
};

/// A thread that runs work: its own, else injected work, else stolen work. It sleeps in its reactor when there is none.
///
/// It has two queues of fixed size. What does not fit goes to the scheduler's injection queue. What one step makes
/// ready or spawns beyond 128 pieces, as a cancellation of many tasks does, goes behind that, into a second one: others
/// need not stand in line behind all of it.
///
/// - The ready queue: tasks that go on, the children of a program's root, and what was injected. First in, first out,
///   so programs take turns.
/// - The spawned deque: deeper children until they start, ranges of a gather's children, and continuations of
///   fork_join. The newest first, so a tree of tasks is walked depth first and holds as many tasks as it is deep. Tasks
///   that one step spawned start in the order in which they were created: the worker reverses them on top of the deque
///   before it takes the first one. Thieves take the oldest one.
///
/// A turn runs one piece of work. In one turn of four the deque is asked first, in the others the ready queue. After
/// each 61 turns the worker polls: due timers, at most 64 handlers of its reactor, at most 64 injected pieces, and the
/// oldest piece of the deque moves to the ready queue. So nothing waits for ever: see docs/EXECUTOR.md, Fairness.
///
/// A worker that is parked also watches the timers of the others: those that resume tasks it fires when their own
/// worker is a millisecond late, because a step takes long there.
///
/// Edge  T  add_timer: the wheel's earliest, store, then sleeps_until, load  ||  park: sleeps_until, store, then the
///          wheels' earliest, load; all seq_cst: either who adds sees how long the worker will sleep, and wakes it, or
///          the worker sees the timer
///
/// Threads: the push functions and the coroutine members are the owner's; the rest is safe from any thread.
class worker {
public:
    worker(scheduler& owner, std::size_t index, std::size_t workers);
    ~worker();

    void start();
    void join();

    /// Makes its thread run on these CPUs alone from now on. False: the kernel refused. Any thread, between start and
    /// join.
    [[nodiscard]] bool pin(const cpu_mask& cpus) noexcept { return cpus.apply_to(thread_.native_handle()); }

    /// Work that is ready to go on, at the end of the ready queue. Owner only.
    void push_ready(work& item) noexcept;

    /// A task that yields: behind all that is ready or spawned here. Owner only.
    void push_yielding(work& item) noexcept;

    /// A task that the running one has created. Owner only.
    void spawn(work& item) noexcept;

    /// Pushes onto the spawned deque, as the next to be taken: a range of a gather's children, or a continuation of
    /// fork_join. False: the deque is full. Owner only.
    [[nodiscard]] bool try_push_spawned(work& item) noexcept { return spawned_.try_push(item); }

    /// Takes back what is on top of the deque. False: a thief has it, or something newer lies above it. Owner only.
    [[nodiscard]] bool take_back(work& item) noexcept {
        return spawned_.newest_is(item) && spawned_.try_pop() == &item;
    }

    /// As take_back, for a task that has not started. Owner only.
    [[nodiscard]] bool take_back_task(work& item) noexcept {
        if (!take_back(item)) {
            return false;
        }
        unordered_ -= unordered_ > 0 ? 1 : 0;
        return true;
    }

    /// Puts the tasks that were spawned since the last call into the order in which they are to start. It must be
    /// called before anything but a task is pushed onto the deque. Owner only.
    void order_spawned() noexcept {
        if (unordered_ > 1) {
            reverse_spawned();
        }
        unordered_ = 0;
    }

    /// One more piece of work is about to run inside the present turn: whether that may be before this worker polls.
    /// Owner only.
    [[nodiscard]] bool may_start_another() noexcept { return ++tick_ < event_interval || polled_lately(); }

    /// Whether a task that yields is the only one that is ready here. Then its next turn has begun. Owner only.
    [[nodiscard]] bool may_go_on() noexcept;

    /// Whether a task may begin in the step of another one: each such step takes stack. Owner only.
    [[nodiscard]] bool may_nest() const noexcept { return nested_ < deepest_nesting; }

    /// An await is about to succeed without waiting. False: the step has had `step_budget` of them, and must let other
    /// work run first. Owner only.
    [[nodiscard]] bool spend_budget() noexcept { return budget_ != 0 && --budget_ != 0; }

    /// Runs a step of a task from `at`, inside the step that goes on here, if any. Gives its root if that has ended;
    /// else the task waits, or runs elsewhere by now. Owner only.
    [[nodiscard]] std::coroutine_handle<> run_step(task_state& task, std::coroutine_handle<> at) noexcept;

    /// So many tasks were started, or run, without a queue. Owner only.
    void count_spawned(std::uint64_t n) noexcept { counts_.spawned.add(n); }
    void count_run(std::uint64_t n) noexcept { counts_.run.add(n); }

    /// Whether a coroutine may fork once more before this worker polls. Owner only.
    [[nodiscard]] bool may_fork() noexcept {
        if (--forks_left_ != 0) [[likely]] {
            return true;
        }
        forks_left_ = forks_between_polls;
        tick_ = event_interval - 1;  // the next turn polls
        return false;
    }

    /// How much work waits here. Exact for the owner but for thieves.
    [[nodiscard]] std::size_t backlog() const noexcept { return ready_.size() + spawned_.size(); }

    /// Resumes coroutines from `at` until one suspends in favour of none. Gives a task's root that has ended, if one
    /// has. Owner only.
    std::coroutine_handle<> run_coroutine(std::coroutine_handle<> at) noexcept;

    /// Called by a coroutine that suspends in favour of another one of the same task: the loop resumes that one. A loop
    /// instead of symmetric transfer, so that no chain of awaits grows the stack in any build: decision 0004.
    void transfer_to(std::coroutine_handle<> at) noexcept { transfer_ = at; }

    /// Called by a root coroutine at its final suspension.
    void end_root(std::coroutine_handle<> root) noexcept { ended_root_ = root; }

    [[nodiscard]] reactor& events() noexcept { return reactor_; }
    [[nodiscard]] const reactor& events() const noexcept { return reactor_; }
    /// Timers that resume tasks: another worker fires them where this one is late.
    [[nodiscard]] timer_wheel& timers() noexcept { return timers_; }
    /// Timers whose callbacks are to run on this worker alone.
    [[nodiscard]] timer_wheel& callbacks() noexcept { return callbacks_; }

    /// Until when it sleeps, if it is parked. Any thread.
    [[nodiscard]] clock::time_point sleeps_until() const noexcept {
        return clock::time_point{clock::duration{sleeps_until_.load(std::memory_order_seq_cst)}};  // T
    }

    /// When another worker, `distance` places on, fires this worker's timers of that time. The nearest one is first.
    [[nodiscard]] static clock::time_point overdue(clock::time_point due, std::size_t distance) noexcept {
        const auto grace = timer_grace * static_cast<int>(distance);
        return due > clock::time_point::max() - grace ? clock::time_point::max() : due + grace;
    }
    [[nodiscard]] scheduler& owner() noexcept { return owner_; }
    [[nodiscard]] std::size_t index() const noexcept { return index_; }

    /// What it has done so far. Any thread.
    [[nodiscard]] worker_counters counters() const noexcept;

    /// A step that may have taken long is about to end: has the next turn poll, if the last poll was a millisecond ago.
    /// 60 more such turns would keep sockets and timers waiting. Owner only.
    void poll_if_late() noexcept;

    /// How often it went to sleep. Any thread.
    [[nodiscard]] std::uint64_t parks() const noexcept { return counts_.parks.get(); }

    /// A number for what runs here between two looks at the reactor; no other such stretch, here or on another worker
    /// of the scheduler, has it. Owner only.
    [[nodiscard]] std::uint64_t stretch() const noexcept { return reactor_.looks() * sightings_.size() + index_; }

    /// It woke another worker. Owner only.
    void count_wake() noexcept { counts_.wakes.add(); }

    /// The worker that the calling thread is, or null. Never keep the answer across a suspension.
    [[nodiscard]] static worker* current() noexcept { return current_; }

    task_scope* serial_step = nullptr;  ///< the serial scope whose step goes on, or null. Owner only.
    running_task running;  ///< the task whose step goes on, or null. Owner only, but for comparing addresses.

private:
    static constexpr std::uint32_t event_interval = 61;  // a prime, as in Go's scheduler: no rhythm with the work
    static constexpr std::uint32_t forks_between_polls = 4096;
    static constexpr std::chrono::microseconds lately{100};
    static constexpr std::chrono::milliseconds late{1};
    static constexpr std::uint32_t most_in_step = 128;  // tasks that are spawned, or that get ready
    static constexpr std::uint32_t step_budget = 128;   // as tokio's
    static constexpr std::chrono::milliseconds timer_grace{1};
    static constexpr int deepest_nesting = 32;

    // A thief takes what has waited for as long as it costs to wake a worker. What its owner runs sooner than that is
    // cheaper there: tiny tasks would else travel between cores, for more than they cost.
    static constexpr std::chrono::microseconds patience{20};
    // A sleep that took less, with what it costs to be woken, would have been over while the worker searched: the next
    // one may be the same. One that took more is followed by another sleep at once.
    static constexpr std::chrono::microseconds short_sleep = 3 * patience;
    // How long a thief that saw only such work sleeps before it looks again.
    static constexpr std::chrono::milliseconds doze_time{1};

    /// What a thief saw of this worker's queues: enough to tell later whether something of it still waits.
    struct sighting {
        std::int64_t ready_bottom = 0;
        std::int64_t spawned_bottom = 0;
        std::int64_t drains = 0;
    };

    struct counts {
        owned_counter run, spawned, stolen, failed_steals, parks, wakes, injected, timers;
    };

    void run();
    void begin_step() noexcept { spawned_in_step_ = ready_in_step_ = 0; }
    void poll() noexcept;
    void serve_sockets() noexcept;
    [[nodiscard]] bool has_overflow() const noexcept;
    [[nodiscard]] bool take_injected() noexcept;
    [[nodiscard]] bool polled_lately() noexcept;
    void reverse_spawned() noexcept;
    [[nodiscard]] work* next_own() noexcept;
    [[nodiscard]] work* next_spawned() noexcept;
    [[nodiscard]] work* find_elsewhere() noexcept;
    [[nodiscard]] work* search() noexcept;
    [[nodiscard]] work* steal_waiting() noexcept;
    bool watch_victims() noexcept;
    [[nodiscard]] work* steal_from(worker& victim) noexcept;
    [[nodiscard]] sighting sight() const noexcept;
    [[nodiscard]] bool still_waits(const sighting& seen) const noexcept;
    [[nodiscard]] std::chrono::nanoseconds until_due(std::chrono::nanoseconds limit) const noexcept;
    [[nodiscard]] std::chrono::nanoseconds until_overdue(std::chrono::nanoseconds limit) noexcept;
    void fire_overdue() noexcept;
    void doze();
    void park();

    static thread_local constinit worker* current_;

    scheduler& owner_;
    const std::size_t index_;
    std::uint32_t tick_ = 0;
    std::uint32_t forks_left_ = forks_between_polls;
    std::uint32_t budget_ = step_budget;
    std::uint32_t spawned_in_step_ = 0;
    std::uint32_t ready_in_step_ = 0;
    std::size_t unordered_ = 0;  // tasks on top of spawned_ that were pushed since order_spawned, the eldest below
    int nested_ = 0;             // steps inside steps
    bool searching_ = false;
    bool has_slept_ = false;   // for long, and has not looked for work since
    bool has_served_ = false;  // the last search ran a handler, which left nothing to run: more may come soon
    bool saw_work_ = false;    // the last search left noted work to its owners
    // The ready queue had no room for injected work at the last poll. What gets ready goes behind that until the next
    // one: otherwise tasks that are ready again and again would keep it out for ever.
    bool gives_way_ = false;
    bool is_polling_ = false;  // it serves timers and sockets
    std::uint32_t crowded_polls_ = 0;
    clock::time_point polled_at_{};
    clock::time_point sighted_at_{};
    std::vector<sighting> sightings_;  // one for each worker
    std::coroutine_handle<> ended_root_;
    std::coroutine_handle<> transfer_;
    counts counts_;
    run_queue<work> ready_;
    work_deque<work> spawned_;
    timer_wheel timers_;
    timer_wheel callbacks_;
    std::atomic<clock::rep> sleeps_until_{0};
    reactor reactor_;
    std::thread thread_;
};

}  // namespace gatherd::executor
