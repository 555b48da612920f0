#include "gatherd/executor/detail/worker.hpp"

#include <pthread.h>

#include <algorithm>
#include <string>
#include <utility>

#include "gatherd/executor/detail/frame_pool.hpp"
#include "gatherd/executor/detail/task_state.hpp"
#include "gatherd/executor/scheduler.hpp"
#include "gatherd/executor/task_scope.hpp"

namespace gatherd::executor {
namespace {

// A worker that found nothing looks again for some microseconds before it sleeps: to sleep and be woken costs two
// threads more than that.
constexpr int spin_turns = 16;
constexpr int pauses_a_turn = 16;

void cpu_pause() noexcept {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    asm volatile("yield");
#endif
}

}  // namespace

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

std::coroutine_handle<> worker::run_coroutine(std::coroutine_handle<> at) noexcept {
    ended_root_ = nullptr;
    while (at) {
        transfer_ = nullptr;
        at.resume();
        // After a suspension another worker may already run the task: nothing of it may be touched, only what is ours.
        at = transfer_;
    }
    return std::exchange(ended_root_, nullptr);  // what goes on around this has not ended
}

std::coroutine_handle<> worker::run_step(task_state& of, std::coroutine_handle<> at) noexcept {
    ++nested_;
    created_ = 0;
    task_state* const outer = std::exchange(running, &of);
    const auto ended_root = run_coroutine(at);
    enroll_newcomers();
    running = outer;
    --nested_;
    return ended_root;
}

void worker::tell_scope() noexcept {
    task_scope::enroll_newcomers(newcomers_, nested_);
}

bool worker::push_newcomer(task_state& task) noexcept {
    if (created_ >= widest_family || newcomers_.is_full()) {
        return false;
    }
    task.scope().prepare_newcomer(task, index_);
    newcomers_.add(task, task, nested_);
    counts_.spawned.add();
    ++created_;
    ++family_;
    new_.push(&task);
    owner_.wake_one();
    return true;
}

void worker::push_new(work& item) noexcept {
    counts_.spawned.add();
    if (created_++ >= widest_family) {
        wide_.push(&item);
    } else if (running != nullptr && running->is_child()) {
        ++family_;
        new_.push(&item);
    } else {
        begun_.push(&item);
    }
}

/// What was created since the last start, newest first, but for what thieves took.
work_list worker::take_family() noexcept {
    work_list family;
    for (std::size_t left = std::exchange(family_, 0); left > 0; --left) {
        work* const item = new_.try_pop();
        if (item == nullptr) {
            break;
        }
        family.push(*item);
    }
    return family;
}

/// It was pushed eldest first, so it is turned round on top of the queue.
void worker::close_family() noexcept {
    if (family_ >= 2) {
        for (work_list family = take_family(); !family.empty();) {
            new_.push(&family.pop());
        }
        owner_.wake_one();  // a worker that looked in between saw nothing and went to sleep
    }
    family_ = 0;
}

/// The next new task: of the newest family the eldest.
work* worker::start_new() noexcept {
    close_family();
    return new_.size() > 0 ? new_.try_pop() : nullptr;
}

void worker::push_last(work& item) noexcept {
    if (new_.size() > 0) {
        move_new_behind();
    }
    family_ = 0;
    (wide_.size() == 0 ? begun_ : wide_).push(&item);
}

/// What has yet to start goes to the end of the line.
void worker::move_new_behind() noexcept {
    work* eldest = nullptr;  // of what was created in this step
    for (work_list newest_first = take_family(); !newest_first.empty();) {
        work& each = newest_first.pop();
        each.next = eldest;
        eldest = &each;
    }
    while (new_.size() > 0) {  // earlier families stand the right way round, unless thieves take the rest
        if (work* const each = new_.try_pop()) {
            begun_.push(each);
        }
    }
    while (eldest != nullptr) {
        work* const following = eldest->next;
        begun_.push(eldest);
        eldest = following;
    }
}

work* worker::find_own() noexcept {
    work* item = nullptr;
    switch (tick_ % 8) {
        case 1:
        case 4:
        case 6:
            item = start_new();
            break;
        case 3:
            item = wide_.take();
            break;
        case 7:
            item = find_fork();
            break;
        default:
            break;
    }
    if (item != nullptr || (item = begun_.take()) != nullptr || (item = start_new()) != nullptr) {
        return item;
    }
    return (item = wide_.take()) != nullptr ? item : find_fork();
}

work* worker::find_fork() noexcept {
    return forks_.size() > 0 ? forks_.try_pop() : nullptr;
}

work* worker::keep_all_but_first(work_queue<work>& own, work_queue<work>& victims) noexcept {
    work_queue<work>::loot loot;
    const std::size_t count = victims.steal(loot);
    for (std::size_t i = 1; i < count; ++i) {
        own.push(loot[i]);
    }
    if (count > 1) {
        owner_.wake_one();  // a worker that looked in between saw nothing and went to sleep
    }
    counts_.stolen.add(count);
    return count == 0 ? nullptr : loot[0];
}

work* worker::steal_from(worker& victim) noexcept {
    work* item = keep_all_but_first(begun_, victim.begun_);
    if (item == nullptr) {
        item = keep_all_but_first(wide_, victim.wide_);
    }
    if (item != nullptr) {
        return item;
    }
    item = victim.new_.try_steal();
    if (item == nullptr) {
        item = victim.forks_.try_steal();
    }
    counts_.stolen.add(item == nullptr ? 0 : 1);
    return item;
}

bool worker::take_injected() noexcept {
    work* item = owner_.injected_.take_all();
    if (item == nullptr) {
        return false;
    }
    std::uint64_t taken = 0;
    for (; item != nullptr; ++taken) {
        work* const following = item->next;
        begun_.push(item);
        item = following;
    }
    counts_.injected.add(taken);
    return true;
}

void worker::look_around() noexcept {
    looked_at_ = clock::now();
    counts_.timers.add(timers_.fire_due(looked_at_));
    reactor_.poll();
}

/// After so many children, asks the clock: tiny ones need not end the turn.
bool worker::looked_lately() noexcept {
    if (clock::now() - looked_at_ >= lately) {
        return false;  // the next turn looks
    }
    tick_ = 0;
    return true;
}

work* worker::find_elsewhere() noexcept {
    const bool had_injected = take_injected();
    if (!std::exchange(has_slept_, false) || !had_injected) {  // else it was woken for this, which is not to wait
        look_around();
    }
    if (work* const item = find_own()) {
        if (had_injected && backlog() > 0) {
            owner_.wake_one();
        }
        return item;
    }
    if (!searching_) {
        searching_ = owner_.idle_.begin_search();
    }
    if (!searching_ && !std::exchange(saw_work_, false)) {
        return nullptr;
    }
    work* item = owner_.steal_for(index_);
    for (int turn = 0; item == nullptr && searching_ && turn < spin_turns; ++turn) {
        for (int i = 0; i < pauses_a_turn; ++i) {
            cpu_pause();
        }
        item = owner_.steal_for(index_);
    }
    counts_.failed_steals.add(item == nullptr ? 1 : 0);
    return item;
}

void worker::sleep() {
    owner_.idle_.announce(index_, searching_);
    searching_ = false;
    frame_pool::send_home();
    std::chrono::nanoseconds limit = frame_pool::trim() ? std::chrono::seconds{1} : std::chrono::hours{1};
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
        has_slept_ = true;
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
            bool more = take_injected();
            if (work* const oldest = new_.size() > 0 ? new_.try_steal() : nullptr) {
                begun_.push(oldest);
                more = true;
            }
            if (more) {
                owner_.wake_one();  // what is in hand may take long
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
            if (owner_.idle_.end_search() && owner_.any_work()) {
                owner_.wake_one();  // the last searcher found work, there is more, and nobody else looks
            }
        }
        counts_.run.add();
        created_ = 0;
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
