#include "gatherd/executor/detail/blocking_pool.hpp"

#include <pthread.h>

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdlib>
#include <exception>
#include <list>
#include <mutex>
#include <thread>
#include <utility>

#include "gatherd/executor/detail/work_list.hpp"

namespace gatherd::executor {
namespace {

constexpr int idle_seconds = 10;

/// Has glibc join the small pieces that are free in the thread's arena, and give its end back to the system if that is
/// large. Neither freeing small pieces nor malloc_trim does that; to free a large piece does.
void tidy_arena() noexcept {
#ifdef __GLIBC__
    constexpr std::size_t large = 96 * 1024;  // above FASTBIN_CONSOLIDATION_THRESHOLD, below where mappings begin
    void* volatile piece = std::malloc(large);
    std::free(piece);
#endif
}

}  // namespace

struct blocking_pool::state {
    using threads_list = std::list<std::thread>;

    state(options o, open_calls at_stop) : fixed{std::move(o)}, calls_at_stop{at_stop} {}

    const options fixed;
    const open_calls calls_at_stop;
    std::mutex lock;
    std::condition_variable arrived;
    std::condition_variable ended;
    work_list waiting;         // under lock, as all below
    threads_list running;      // all threads that have not ended
    threads_list over;         // have only to be joined; each joins those before it, so that one is left at most
    std::size_t idle = 0;      // of those that run, how many wait for a call
    std::size_t in_calls = 0;  // and how many are inside `run` of an item
    bool stopping = false;
    bool is_left = false;  // threads that come back from now on are joined by nobody

    /// A thread's life: makes calls while there are any, then waits for more for a while.
    void serve(threads_list::iterator self) noexcept {
        std::unique_lock guard{lock};
        while (true) {
            while (!waiting.empty()) {
                make_call(static_cast<pool_work&>(waiting.pop()), guard);
            }
            ++idle;
            for (int second = 0; second < idle_seconds && waiting.empty() && !stopping; ++second) {
                if (!arrived.wait_for(guard, std::chrono::seconds{1},
                                      [this] { return !waiting.empty() || stopping; })) {
                    guard.unlock();
                    tidy_arena();  // others free what was allocated here, also later
                    guard.lock();
                }
            }
            --idle;
            if (waiting.empty()) {  // after ten idle seconds
                end(self, std::move(guard));
                return;
            }
        }
    }

    /// The thread is out of the count before anybody can know that the call has returned: a stop() that follows from
    /// that waits for the thread. A call that was still queued when stop() was called is awaited by nobody and so does
    /// nothing: it does not count.
    void make_call(pool_work& item, std::unique_lock<std::mutex>& guard) noexcept {
        const std::size_t counted = stopping ? 0 : 1;
        in_calls += counted;
        guard.unlock();
        if (fixed.run) {
            fixed.run(item);
        } else {
            item.run(item);
        }
        guard.lock();
        in_calls -= counted;
        guard.unlock();
        item.tell(item);
        guard.lock();
    }

    /// The thread still has to run the destructors of what libraries keep for it; whoever joins it waits for those.
    void end(threads_list::iterator self, std::unique_lock<std::mutex> guard) noexcept {
        if (is_left) {
            self->detach();
            running.erase(self);
            return;
        }
        threads_list before;
        before.splice(before.end(), over);
        over.splice(over.end(), running, self);
        ended.notify_all();
        guard.unlock();
        join(before);
    }

    static void join(threads_list& all) noexcept {
        for (std::thread& each : all) {
            each.join();
        }
    }
};

blocking_pool::blocking_pool(options o, open_calls at_stop) : state_{std::make_shared<state>(std::move(o), at_stop)} {}

blocking_pool::~blocking_pool() {
    stop();
}

bool blocking_pool::submit(pool_work& item, place among_waiting) noexcept {
    std::unique_lock guard{state_->lock};
    if (among_waiting == place::first) {
        state_->waiting.push_first(item);
    } else {
        state_->waiting.push(item);
    }
    if (state_->idle >= state_->waiting.size() || state_->running.size() >= state_->fixed.max_threads) {
        guard.unlock();
        state_->arrived.notify_one();
        return true;
    }
    auto& running = state_->running;
    state::threads_list started;
    try {
        const auto self = started.emplace(started.end());
        *self = std::thread{[shared = state_, self] {
            pthread_setname_np(pthread_self(), shared->fixed.name);
            if (shared->fixed.begin) {
                shared->fixed.begin();
            }
            shared->serve(self);  // waits for the lock, and so until it stands in the list
        }};
        running.splice(running.end(), started);
    } catch (const std::exception&) {  // no memory or no more threads: those that run take the item in their time
        if (running.empty()) {
            static_cast<void>(state_->waiting.pop());  // without a thread nothing else can be queued
            return false;
        }
    }
    return true;
}

void blocking_pool::stop() noexcept {
    state::threads_list over;
    {
        std::unique_lock guard{state_->lock};
        if (state_->is_left) {
            return;  // stopped before: the threads that are left tell nobody when they end
        }
        state_->stopping = true;
        state_->arrived.notify_all();
        state_->ended.wait(guard, [this] {
            const bool is_left = state_->calls_at_stop == open_calls::left_behind;
            return state_->running.size() == (is_left ? state_->in_calls : 0);
        });
        state_->is_left = true;
        over.splice(over.end(), state_->over);
    }
    state::join(over);
}

std::size_t blocking_pool::busy() const noexcept {
    const std::lock_guard guard{state_->lock};
    return state_->in_calls;
}

}  // namespace gatherd::executor
