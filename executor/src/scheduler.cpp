#include "gatherd/executor/scheduler.hpp"

#include <pthread.h>

#include <stdexcept>
#include <thread>

#include "executor/src/cancellation_walk.hpp"
#include "gatherd/executor/available_parallelism.hpp"
#include "gatherd/executor/detail/blocking_pool.hpp"
#include "gatherd/executor/detail/compute_pool.hpp"
#include "gatherd/executor/detail/worker.hpp"

namespace gatherd::executor {
namespace {

std::size_t worker_count(const scheduler_options& options) {
    if (options.blocking_threads == 0) {
        throw std::invalid_argument{"scheduler: blocking_threads must be at least 1"};
    }
    return options.workers != 0 ? options.workers : available_parallelism();
}

}  // namespace

scheduler::scheduler(scheduler_options options)
    : cpus_{options.pin_workers ? cpu_mask::of_this_thread() : cpu_mask{}},
      idle_{worker_count(options)},
      blocking_{std::make_unique<blocking_pool>(blocking_pool::options{
          .max_threads = options.blocking_threads, .name = "blocking", .begin = [this] { use_all_cpus(); }})},
      compute_{std::make_unique<compute_pool>(worker_count(options), cpus_)} {
    const std::size_t count = worker_count(options);
    for (std::size_t i = 0; i < count; ++i) {
        workers_.push_back(std::make_unique<worker>(*this, i, count));
    }
    try {
        for (const auto& w : workers_) {  // after all exist: a thief looks at each
            w->start();
        }
        if (!cpus_.empty()) {
            pin_workers();
        }
    } catch (...) {  // those that run must be joined
        stop();
        throw;
    }
}

void scheduler::pin_workers() {
    const std::vector<std::size_t> cpus = cpus_.cpus();
    for (const auto& w : workers_) {
        pinned_workers_ += w->pin(cpu_mask::single(cpus[w->index() % cpus.size()])) ? 1 : 0;
    }
}

void scheduler::use_all_cpus() const noexcept {
    if (!cpus_.empty()) {
        static_cast<void>(cpus_.apply_to(pthread_self()));  // refused: it stays where it is, and works there
    }
}

scheduler::~scheduler() {
    stop();
}

void scheduler::stop() noexcept {
    stopping_.store(true, std::memory_order_seq_cst);  // a worker announces, then looks: it sees this or our wake
    for (const auto& w : workers_) {
        w->events().wake();
    }
    for (const auto& w : workers_) {
        w->join();
    }
    compute_->stop();
    blocking_->stop();
    while (injecting_.load(std::memory_order_acquire) != 0) {  // S
        std::this_thread::yield();
    }
    cancellation_walk::destroy_all(*this);
}

scheduler* scheduler::current() noexcept {
    worker* const w = worker::current();
    return w == nullptr ? nullptr : &w->owner();
}

void scheduler::wake_sleeper() noexcept {
    const auto sleeper = idle_.claim_for_wake();
    if (!sleeper) {
        return;
    }
    if (worker* const w = here()) {
        w->count_wake();
    }
    workers_[*sleeper]->events().wake();
}

/// The worker that calls, if it is one of ours.
worker* scheduler::here() const noexcept {
    worker* const w = worker::current();
    return w != nullptr && &w->owner() == this ? w : nullptr;
}

void scheduler::submit(work& item, placement place) noexcept {
    worker* const w = here();
    if (w == nullptr) {
        inject_from_outside(item);
        return;
    }
    if (place == placement::spawned) {
        w->spawn(item);
    } else if (place == placement::yielding) {
        w->push_yielding(item);
    } else {
        w->push_ready(item);
    }
    const bool is_kept = place == placement::soon || place == placement::yielding;
    if (!is_kept || w->backlog() > 1) {
        wake_one();
    }
}

void scheduler::submit_bulk(std::span<work* const> items) noexcept {
    if (worker* const w = here()) {
        for (work* const each : items) {
            w->push_ready(*each);
        }
        wake_one();
        return;
    }
    work_list list;
    for (work* const each : items) {
        list.push(*each);
    }
    inject_from_outside(list);
}

/// What a worker's own queue cannot hold. The worker takes some of it when its queues are empty, or at its next poll.
void scheduler::inject(work& item) noexcept {
    work_list one;
    one.push(item);
    injected_.push(one);
}

/// What one step makes ready beyond some: it goes behind what is injected.
void scheduler::put_behind(work& item) noexcept {
    work_list one;
    one.push(item);
    behind_.push(one);
}

void scheduler::inject_from_outside(work& item) noexcept {
    work_list one;
    one.push(item);
    inject_from_outside(one);
}

/// The items may run, and with them everything may end, while this thread is still about to wake a worker: stop() waits
/// for it.
void scheduler::inject_from_outside(work_list& items) noexcept {
    injecting_.fetch_add(1, std::memory_order_relaxed);  // before the push, which is what lets things end
    injected_.push(items);
    wake_one();
    injecting_.fetch_sub(1, std::memory_order_release);  // S: all of the above comes before what stop() frees
}

asio::io_context& scheduler::io(std::size_t index) noexcept {
    return workers_[index]->events().context();
}

std::size_t scheduler::timer_home() const noexcept {
    const worker* const w = here();
    return w == nullptr ? 0 : w->index();
}

void scheduler::add_timer(std::size_t home, timer_node& t, clock::time_point deadline) noexcept {
    worker& owner = *workers_[home];
    if (!owner.timers().add(t, deadline)) {
        return;  // an earlier one has been seen to
    }
    if (worker::current() != &owner) {
        owner.events().wake();
    }
    // The parked workers watch the timers of this one, in case that a step takes long there.
    for (std::size_t distance = 1; distance < workers_.size(); ++distance) {
        const std::size_t watcher = (home + workers_.size() - distance) % workers_.size();
        if (idle_.is_parked(watcher) && workers_[watcher]->sleeps_until() > worker::overdue(deadline, distance)) {
            workers_[watcher]->events().wake();
        }
    }
}

void scheduler::add_callback(std::size_t home, timer_node& t, clock::time_point deadline) noexcept {
    worker& owner = *workers_[home];
    if (owner.callbacks().add(t, deadline) && worker::current() != &owner) {
        owner.events().wake();
    }
}

bool scheduler::any_work() const noexcept {
    if (!injected_.empty() || !behind_.empty()) {
        return true;
    }
    for (const auto& w : workers_) {
        if (w->backlog() > 0) {
            return true;
        }
    }
    return false;
}

std::vector<worker_counters> scheduler::counters() const {
    std::vector<worker_counters> all;
    all.reserve(workers_.size());
    for (const auto& w : workers_) {
        all.push_back(w->counters());
    }
    return all;
}

}  // namespace gatherd::executor
