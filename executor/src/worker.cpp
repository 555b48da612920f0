#include "gatherd/executor/detail/worker.hpp"

#include <pthread.h>

#include <algorithm>
#include <string>
#include <utility>

#include "gatherd/executor/allocated_memory.hpp"
#include "gatherd/executor/detail/frame_pool.hpp"
#include "gatherd/executor/detail/task_state.hpp"
#include "gatherd/executor/scheduler.hpp"
#include "gatherd/executor/task_scope.hpp"

namespace gatherd::executor {
namespace {

constexpr int pauses_a_turn = 16;

constexpr std::size_t most_injected_at_once = 64;  // of one poll, as the next one
constexpr std::size_t most_handlers_at_once = 64;
constexpr std::uint32_t polls_a_look = 8;        // where more is ready than fits
constexpr std::size_t most_ready_to_take = 128;  // half of the ready queue

void cpu_pause() noexcept {
    for (int i = 0; i < pauses_a_turn; ++i) {
#if defined(__x86_64__)
        __builtin_ia32_pause();
#elif defined(__aarch64__)
        asm volatile("yield");
#endif
    }
}

}  // namespace

thread_local constinit worker* worker::current_ = nullptr;

worker::worker(scheduler& owner, std::size_t index, std::size_t workers)
    : owner_{owner}, index_{index}, sightings_(workers), timers_{clock::now()}, callbacks_{clock::now()} {}
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

std::coroutine_handle<> worker::run_step(task_state& task, std::coroutine_handle<> at) noexcept {
    ++nested_;
    begin_step();
    const std::uint32_t outer_budget = std::exchange(budget_, step_budget);
    task_state* const outer = std::exchange(running, &task);
    memory_account* const outer_account = allocated_memory::work_for(&task.scope().memory());
    const auto ended_root = run_coroutine(at);
    allocated_memory::work_for(outer_account);
    running = outer;
    budget_ = outer_budget;
    --nested_;
    return ended_root;
}

void worker::push_ready(work& item) noexcept {
    if (++ready_in_step_ > most_in_step) {
        owner_.put_behind(item);
    } else if (gives_way_ || !ready_.try_push(item)) {
        // What a timer or a socket makes ready does not stand behind what the steps of others have made ready by
        // thousands.
        if (is_polling_) {
            owner_.inject(item);
        } else {
            owner_.put_behind(item);
        }
    }
}

void worker::spawn(work& item) noexcept {
    counts_.spawned.add();
    // Beyond the first tasks of a step there is enough for thieves, and other programs need not stand behind the rest.
    if (++spawned_in_step_ > most_in_step) {
        owner_.put_behind(item);
    } else if (running == nullptr || !running->is_child()) {
        push_ready(item);
    } else if (spawned_.try_push(item)) {
        ++unordered_;
    } else {
        owner_.put_behind(item);
    }
}

/// The tasks on top were pushed eldest first: pops them, newest first, and pushes them again.
void worker::reverse_spawned() noexcept {
    work_list newest_first;
    for (; unordered_ > 0; --unordered_) {
        work* const item = spawned_.try_pop();
        if (item == nullptr) {
            break;  // thieves have the elder ones
        }
        newest_first.push(*item);
    }
    while (!newest_first.empty()) {
        work& item = newest_first.pop();
        if (!spawned_.try_push(item)) {  // cannot be: there was room for it before
            push_ready(item);
        }
    }
    owner_.wake_one();  // a worker that looked in between saw nothing and went to sleep
}

work* worker::next_spawned() noexcept {
    order_spawned();
    return spawned_.size() > 0 ? spawned_.try_pop() : nullptr;
}

void worker::push_yielding(work& item) noexcept {
    while (work* const spawned = next_spawned()) {
        push_ready(*spawned);
    }
    if (spawned_in_step_ > most_in_step) {
        owner_.put_behind(item);  // some of what this step spawned is there
    } else {
        push_ready(item);
    }
}

bool worker::may_go_on() noexcept {
    if (nested_ != 1 || tick_ + 1 >= event_interval || backlog() != 0) {
        return false;
    }
    ++tick_;
    begin_step();
    budget_ = step_budget;
    counts_.run.add();
    return true;
}

work* worker::next_own() noexcept {
    if (tick_ % 4 == 3) {
        if (work* const item = next_spawned()) {
            return item;
        }
    }
    if (work* const item = ready_.try_take()) {
        return item;
    }
    return next_spawned();
}

/// Moves what was injected to the end of the ready queue, but no more than a bound, and only until that is half full:
/// the rest of it is for what gets ready here. False: nothing was moved.
bool worker::take_injected() noexcept {
    work_list taken;
    const std::size_t room = most_ready_to_take - std::min(most_ready_to_take, ready_.size());
    const std::size_t at_once = std::min(most_injected_at_once, room);
    // Each has its part, so that neither keeps the other out for ever.
    owner_.injected_.take(owner_.behind_.empty() ? at_once : at_once - at_once / 4, taken);
    owner_.behind_.take(at_once - taken.size(), taken);
    gives_way_ = room == 0 && (!owner_.injected_.empty() || !owner_.behind_.empty());
    counts_.injected.add(taken.size());
    const bool some = !taken.empty();
    begin_step();
    while (!taken.empty()) {
        push_ready(taken.pop());
    }
    return some;
}

/// Sockets that are never quiet must not begin more than this worker ends, nor keep it from its turns for long.
void worker::serve_sockets() noexcept {
    reactor_.look();
    for (std::size_t i = 0; i < most_handlers_at_once; ++i) {
        begin_step();  // of each handler: what one makes ready does not send the next one's behind
        if (!reactor_.run_ready() || clock::now() - polled_at_ >= late) {
            break;
        }
    }
}

/// Whether more is ready than fits into the rings of the workers.
bool worker::has_overflow() const noexcept {
    return !owner_.injected_.empty() || !owner_.behind_.empty();
}

void worker::poll() noexcept {
    polled_at_ = clock::now();
    is_polling_ = true;
    begin_step();
    counts_.timers.add(timers_.fire_due(polled_at_) + callbacks_.fire_due(polled_at_));
    if (!has_overflow() || ++crowded_polls_ % polls_a_look == 0) {
        serve_sockets();
    }
    is_polling_ = false;
}

void worker::poll_if_late() noexcept {
    if (clock::now() - polled_at_ >= late) {
        tick_ = event_interval - 1;
    }
}

/// After so many children of a gather, asks the clock: tiny ones need not end the turn.
bool worker::polled_lately() noexcept {
    if (clock::now() - polled_at_ >= lately) {
        return false;  // the next turn polls
    }
    tick_ = 0;
    return true;
}

worker::sighting worker::sight() const noexcept {
    return {ready_.bottom(), spawned_.bottom(), spawned_.drains()};
}

/// Whether something that was here at that time still is: something further up than what was added since, in a deque
/// that was never empty in between.
bool worker::still_waits(const sighting& seen) const noexcept {
    return (ready_.size() > 0 && ready_.top() < seen.ready_bottom) ||
           (spawned_.size() > 0 && spawned_.drains() == seen.drains && spawned_.top() < seen.spawned_bottom);
}

/// Notes what the others have. False: nothing.
bool worker::watch_victims() noexcept {
    bool some = false;
    for (const auto& victim : owner_.workers_) {
        if (victim.get() != this) {
            sightings_[victim->index_] = victim->sight();
            some = some || victim->backlog() > 0;
        }
    }
    sighted_at_ = clock::now();
    return some;
}

work* worker::steal_from(worker& victim) noexcept {
    run_queue<work>::loot loot;
    const std::size_t count = victim.ready_.try_steal(loot);
    if (count == 0) {
        work* const item = victim.spawned_.try_steal();
        counts_.stolen.add(item == nullptr ? 0 : 1);
        return item;
    }
    counts_.stolen.add(count);
    for (std::size_t i = 1; i < count; ++i) {
        push_ready(*loot[i]);
    }
    return loot[0];  // the thief is a searcher: when it stops searching, it wakes another one for the rest
}

/// Something of the others that was there when they were last noted, and still is. The note has served then.
work* worker::steal_waiting() noexcept {
    const bool saw_work = std::exchange(saw_work_, false);
    for (std::size_t i = 1; saw_work && i < owner_.workers_.size(); ++i) {
        worker& victim = owner_.worker_after(index_, i);
        if (victim.still_waits(sightings_[victim.index_])) {
            if (work* const item = steal_from(victim)) {
                return item;
            }
        }
    }
    return nullptr;
}

/// Looks at the others' queues until something there has waited for long enough, or until there was nothing for as long
/// as it takes to sleep and to be woken. Meanwhile it looks at its own sockets too.
work* worker::search() noexcept {
    const auto began = clock::now();
    if (saw_work_ && began - sighted_at_ >= patience) {  // since it dozed, or had something of its own
        if (work* const item = steal_waiting()) {
            return item;
        }
    }
    if (!saw_work_) {
        saw_work_ = watch_victims();
    }
    while (clock::now() - (saw_work_ ? sighted_at_ : began) < patience) {
        cpu_pause();
        begin_step();
        reactor_.look();
        if (const bool has_served = reactor_.run_ready(); take_injected() || has_served) {
            work* const item = next_own();
            has_served_ = item == nullptr;
            return item;
        }
        if (!saw_work_) {
            saw_work_ = watch_victims();
        }
    }
    if (work* const item = steal_waiting()) {
        return item;
    }
    saw_work_ = watch_victims();
    counts_.failed_steals.add();
    return nullptr;
}

work* worker::find_elsewhere() noexcept {
    const bool had_injected = take_injected();
    const bool has_slept = std::exchange(has_slept_, false);
    if (has_slept && !had_injected && !searching_ && until_due(std::chrono::nanoseconds{1}).count() > 0) {
        return nullptr;  // a socket woke it, and that is done: it sleeps again, without another look and without a
                         // search
    }
    if (!has_slept || !had_injected) {  // else it was woken for this, which is not to wait
        poll();
    }
    if (work* const item = next_own()) {
        if (had_injected && backlog() > 0) {
            owner_.wake_one();
        }
        return item;
    }
    fire_overdue();
    if (work* const item = ready_.try_take()) {
        return item;
    }
    if (!searching_) {
        searching_ = owner_.idle_.begin_search();
    }
    return searching_ ? search() : nullptr;
}

/// How long to sleep at most, so that the next timer is not late.
std::chrono::nanoseconds worker::until_due(std::chrono::nanoseconds limit) const noexcept {
    for (const timer_wheel* const wheel : {&timers_, &callbacks_}) {
        if (const auto due = wheel->next_due()) {
            limit = std::clamp<std::chrono::nanoseconds>(*due - clock::now(), std::chrono::nanoseconds{0}, limit);
        }
    }
    return limit;
}

/// How long to sleep at most, so that a timer of another worker is not late by more than its grace.
std::chrono::nanoseconds worker::until_overdue(std::chrono::nanoseconds limit) noexcept {
    sleeps_until_.store(clock::time_point::max().time_since_epoch().count(), std::memory_order_seq_cst);  // T
    clock::time_point first = clock::time_point::max();
    for (std::size_t distance = 1; distance < owner_.workers_.size(); ++distance) {
        first = std::min(first, overdue(owner_.worker_after(index_, distance).timers_.earliest_due(), distance));  // T
    }
    const auto now = clock::now();
    limit = std::clamp<std::chrono::nanoseconds>(first - now, std::chrono::nanoseconds{0}, limit);
    sleeps_until_.store((now + limit).time_since_epoch().count(), std::memory_order_seq_cst);  // T
    return limit;
}

/// Fires timers of the others that are late by more than their grace.
void worker::fire_overdue() noexcept {
    const auto now = clock::now();
    for (std::size_t distance = 1; distance < owner_.workers_.size(); ++distance) {
        timer_wheel& timers = owner_.worker_after(index_, distance).timers_;
        if (overdue(timers.earliest_due(), distance) <= now) {
            static_cast<void>(timers.next_due());  // else a timer that was removed would wake this worker for ever
            counts_.timers.add(timers.fire_due(now));
        }
    }
}

/// There is work, but its owners will run it before it could be stolen. The worker stays a searcher meanwhile, so
/// nobody pays for a wake-up, and looks again soon.
void worker::doze() {
    begin_step();
    reactor_.wait(until_due(doze_time));
}

void worker::park() {
    // Before others count on this worker: after a burst of memory it takes some milliseconds.
    const std::chrono::nanoseconds limit =
        frame_pool::rest(clock::now()) ? std::chrono::seconds{1} : std::chrono::hours{1};
    owner_.idle_.announce(index_, searching_);
    searching_ = false;
    // Announced, now look again: a submitter that saw this worker awake has already pushed, so this look finds its
    // work. Without it that work could wait for ever. Edge P of idle_workers.hpp. Where another worker searches, that
    // one looks. A timer that another thread adds to our wheel wakes the reactor itself.
    const bool may_sleep = owner_.idle_.is_searched() || !owner_.any_work();
    if (may_sleep && !owner_.stopping_.load(std::memory_order_seq_cst)) {
        counts_.parks.add();
        begin_step();
        const auto since = clock::now();
        reactor_.wait(until_overdue(until_due(limit)));
        has_slept_ = clock::now() - since > short_sleep;
    }
    searching_ = owner_.idle_.retract(index_, !may_sleep);
}

void worker::run() {
    current_ = this;
    const frame_pool::membership own_pool;
    pthread_setname_np(pthread_self(), ("worker " + std::to_string(index_)).c_str());
    while (!owner_.stopping_.load(std::memory_order_relaxed)) {  // stop() wakes us to look again
        if (++tick_ >= event_interval) {
            tick_ = 0;
            poll();
            bool more = take_injected();
            if (work* const oldest = spawned_.size() > 0 ? spawned_.try_steal() : nullptr) {
                push_ready(*oldest);
                more = true;
            }
            if (more) {
                owner_.wake_one();  // what is in hand may take long
            }
        }
        work* item = next_own();
        if (item == nullptr) {
            item = find_elsewhere();
        }
        if (item == nullptr) {
            if (std::exchange(has_served_, false)) {
                continue;
            }
            if (searching_ && saw_work_) {
                doze();
            } else {
                park();
            }
            continue;
        }
        if (searching_) {
            searching_ = false;
            if (owner_.idle_.end_search() && owner_.any_work()) {
                owner_.wake_one();  // the last searcher found work, there is more, and nobody else looks
            }
        }
        counts_.run.add();
        begin_step();
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
