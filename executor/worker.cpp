#include "executor/worker.hpp"

#include <pthread.h>

#include <algorithm>
#include <string>
#include <utility>

#include "executor/scheduler.hpp"

namespace gatherd::executor {
namespace {

thread_local worker* this_worker = nullptr;

}  // namespace

worker::worker(scheduler& owner, std::size_t index) : owner_{owner}, index_{index}, timers_{clock::now()} {}
worker::~worker() = default;

// Not inline: a compiler may keep the address of a thread-local across a suspension, and coroutines change threads.
[[gnu::noinline]] worker* worker::current() noexcept {
    return this_worker;
}

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

work* worker::find_own() noexcept {
    while (deque_.size() > 0) {  // a thief may be faster at one item
        if (work* const item = deque_.try_steal()) {
            return item;
        }
    }
    return nullptr;
}

work* worker::take_injected() noexcept {
    work* first = owner_.injected_.take_all();
    if (first == nullptr) {
        return nullptr;
    }
    bool several = false;
    for (work* item = first->next; item != nullptr; several = true) {
        work* const following = item->next;
        deque_.push(item);
        item = following;
    }
    if (several) {
        owner_.wake_one();
    }
    return first;
}

void worker::look_around() {
    timers_.fire_due(clock::now());
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
    return searching_ || std::exchange(saw_work_, false) ? owner_.steal_for(index_) : nullptr;
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
        reactor_.wait(limit);
    }
    searching_ = !owner_.idle_.retract(index_);
}

void worker::run() {
    this_worker = this;
    pthread_setname_np(pthread_self(), ("worker " + std::to_string(index_)).c_str());
    while (!owner_.stopping_.load(std::memory_order_relaxed)) {  // stop() wakes us to look again
        if (++tick_ % ticks_between_looks == 0) {
            look_around();
            if (work* const item = take_injected()) {
                deque_.push(item);
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
            if (owner_.idle_.end_search()) {
                owner_.wake_one();  // the last searcher found work: there may be more, and nobody else looks
            }
        }
        item->run(*item);
    }
    this_worker = nullptr;
}

}  // namespace gatherd::executor
