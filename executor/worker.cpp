#include "executor/worker.hpp"

#include <pthread.h>

#include <algorithm>
#include <string>
#include <utility>

#include "executor/scheduler.hpp"
#include "executor/work_line.hpp"

namespace gatherd::executor {
thread_local constinit worker* worker::current_ = nullptr;

worker::worker(scheduler& owner, std::size_t index) : owner_{owner}, index_{index}, timers_{clock::now()} {}
worker::~worker() = default;

void worker::start() {
    thread_ = std::thread{[this] { run(); }};
}

void worker::join() {
    if (thread_.joinable()) {
        thread_.join();
    }
}

bool worker::run_coroutine(std::coroutine_handle<> at) noexcept {
    root_ended_ = false;
    while (at) {
        transfer_ = nullptr;
        at.resume();
        // After a suspension another worker may already run the task: nothing of it may be touched, only what is ours.
        at = transfer_;
    }
    return root_ended_;
}

/// The next new task: of the newest family the eldest. A family is what was created since the last start; it was pushed
/// eldest first, so it is turned round on top of the queue.
work* worker::start_new() noexcept {
    const std::size_t size = std::exchange(family_, 0);
    if (size < 2) {
        return new_.size() > 0 ? new_.try_pop() : nullptr;
    }
    work_line family;  // newest first
    work* item = new_.try_pop();
    for (std::size_t left = size; left > 1 && item != nullptr; --left) {
        family.push(*item);
        item = new_.try_pop();
    }
    if (!family.empty()) {
        while (!family.empty()) {
            new_.push(&family.pop());
        }
        owner_.wake_one();  // a worker that looked in between saw nothing and went to sleep
    }
    return item != nullptr ? item : new_.try_pop();  // thieves had the eldest
}

work* worker::find_own() noexcept {
    const std::uint32_t turn = tick_ % turns;
    work* item = nullptr;
    if (turn == turn_of_forks) {
        item = find_fork();
    } else if (turn == turn_of_new) {
        item = start_new();
    }
    if (item == nullptr) {
        item = begun_.take_oldest();
    }
    if (item == nullptr) {
        item = start_new();
    }
    return item != nullptr ? item : find_fork();
}

work* worker::find_fork() noexcept {
    return forks_.size() > 0 ? forks_.try_pop() : nullptr;
}

work* worker::try_steal() noexcept {
    work* item = begun_.try_steal();
    if (item == nullptr) {
        item = new_.try_steal();
    }
    return item != nullptr ? item : forks_.try_steal();
}

work* worker::take_injected() noexcept {
    work* first = owner_.injected_.take_all();
    if (first == nullptr) {
        return nullptr;
    }
    std::uint64_t taken = 1;
    for (work* item = first->next; item != nullptr; ++taken) {
        work* const following = item->next;
        begun_.push(item);
        item = following;
    }
    counts_.injected.add(taken);
    if (taken > 1) {
        owner_.wake_one();
    }
    return first;
}

void worker::look_around() noexcept {
    counts_.timers.add(timers_.fire_due(clock::now()));
    reactor_.poll();
}

work* worker::find_elsewhere() noexcept {
    if (work* const item = take_injected()) {
        return item;
    }
    look_around();
    if (work* const item = find_own()) {
        return item;
    }
    if (!searching_) {
        searching_ = owner_.idle_.begin_search();
    }
    if (!searching_ && !std::exchange(saw_work_, false)) {
        return nullptr;
    }
    work* const item = owner_.steal_for(index_);
    (item != nullptr ? counts_.stolen : counts_.failed_steals).add();
    return item;
}

void worker::sleep() {
    owner_.idle_.announce(index_, searching_);
    searching_ = false;
    std::chrono::nanoseconds limit = std::chrono::hours{1};
    if (const auto due = timers_.next_due()) {
        limit = std::clamp<std::chrono::nanoseconds>(*due - clock::now(), std::chrono::nanoseconds{0}, limit);
    }
    // Announced, now look again: a submitter that saw us awake has already pushed, so this look finds its work.
    // Without it that work could wait for ever. Edge P of idle_workers.hpp. A timer added to our wheel from outside
    // wakes the reactor itself.
    saw_work_ = owner_.any_work();
    if (!saw_work_ && !owner_.stopping_.load(std::memory_order_seq_cst)) {
        counts_.parks.add();
        reactor_.wait(limit);
    }
    searching_ = !owner_.idle_.retract(index_);
}

void worker::run() {
    current_ = this;
    pthread_setname_np(pthread_self(), ("worker " + std::to_string(index_)).c_str());
    while (!owner_.stopping_.load(std::memory_order_relaxed)) {  // stop() wakes us to look again
        if (++tick_ >= ticks_between_looks) {
            tick_ = 0;
            look_around();
            if (work* const item = take_injected()) {
                begun_.push(item);
                owner_.wake_one();  // what is in hand may take long
            }
            if (work* const item = new_.take_oldest()) {
                begun_.push(item);
            }
        }
        work* item = find_own();
        if (item == nullptr) {
            item = find_elsewhere();
        }
        if (item == nullptr) {
            sleep();
            continue;
        }
        if (searching_) {
            searching_ = false;
            if (owner_.idle_.end_search()) {
                owner_.wake_one();  // the last searcher found work: there may be more, and nobody else looks
            }
        }
        counts_.run.add();
        item->run(*item);
    }
    current_ = nullptr;
}

worker_counters worker::counters() const noexcept {
    return {.run = counts_.run.get(),
            .spawned = counts_.spawned.get(),
            .stolen = counts_.stolen.get(),
            .failed_steals = counts_.failed_steals.get(),
            .parks = counts_.parks.get(),
            .wakes = counts_.wakes.get(),
            .injected = counts_.injected.get(),
            .timers = counts_.timers.get(),
            .queued = backlog()};
}

}  // namespace gatherd::executor
