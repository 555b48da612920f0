#include "gatherd/executor/detail/blocking_pool.hpp"

#include <pthread.h>

#include <chrono>
#include <condition_variable>
#include <exception>
#include <list>
#include <mutex>
#include <thread>
#include <utility>

#include "gatherd/executor/detail/work_list.hpp"

namespace gatherd::executor {
namespace {

constexpr std::chrono::seconds idle_life{10};

}  // namespace

struct blocking_pool::state {
    using threads_list = std::list<std::thread>;

    state(std::size_t limit, cpu_mask mask) : max_threads{limit}, cpus{std::move(mask)} {}

    const std::size_t max_threads;
    const cpu_mask cpus;
    std::mutex lock;
    std::condition_variable arrived;
    std::condition_variable none_idle;
    work_list waiting;     // under lock, as all below
    threads_list running;  // idle, or in a call
    threads_list over;     // have only to be joined; each joins those before it, so that one is left at most
    std::size_t idle = 0;
    bool stopping = false;
    bool is_left = false;  // nobody joins those that come back now

    /// A thread's life: work while there is any, then wait a while for more.
    void serve(threads_list::iterator self) noexcept {
        std::unique_lock guard{lock};
        while (true) {
            while (!waiting.empty()) {
                work& item = waiting.pop();
                guard.unlock();
                item.run(item);
                guard.lock();
            }
            ++idle;
            arrived.wait_for(guard, idle_life, [this] { return !waiting.empty() || stopping; });
            --idle;
            if (waiting.empty()) {
                end(self, std::move(guard));
                return;
            }
        }
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
        if (idle == 0) {
            none_idle.notify_all();
        }
        guard.unlock();
        join(before);
    }

    static void join(threads_list& all) noexcept {
        for (std::thread& each : all) {
            each.join();
        }
    }
};

blocking_pool::blocking_pool(std::size_t max_threads, cpu_mask cpus)
    : state_{std::make_shared<state>(max_threads, std::move(cpus))} {}

blocking_pool::~blocking_pool() {
    stop();
}

bool blocking_pool::submit(work& item) noexcept {
    std::unique_lock guard{state_->lock};
    state_->waiting.push(item);
    if (state_->idle >= state_->waiting.size() || state_->running.size() >= state_->max_threads) {
        guard.unlock();
        state_->arrived.notify_one();
        return true;
    }
    auto& running = state_->running;
    state::threads_list started;
    try {
        const auto self = started.emplace(started.end());
        *self = std::thread{[shared = state_, self] {
            pthread_setname_np(pthread_self(), "blocking");
            if (!shared->cpus.empty()) {
                static_cast<void>(shared->cpus.apply_to(pthread_self()));  // refused: it works where it is
            }
            shared->serve(self);  // waits for the lock, and so until it stands in the list
        }};
        running.splice(running.end(), started);
    } catch (const std::exception&) {  // the system has no more: those that run take it in their time
        if (running.empty()) {
            static_cast<void>(state_->waiting.pop());  // without a thread nothing else can be in line
            return false;
        }
    }
    return true;
}

void blocking_pool::stop() noexcept {
    state::threads_list over;
    {
        std::unique_lock guard{state_->lock};
        state_->stopping = true;
        state_->arrived.notify_all();
        state_->none_idle.wait(guard, [this] { return state_->idle == 0; });
        state_->is_left = true;
        over.splice(over.end(), state_->over);
    }
    state::join(over);
}

std::size_t blocking_pool::busy() const noexcept {
    const std::lock_guard guard{state_->lock};
    return state_->running.size() - state_->idle;
}

}  // namespace gatherd::executor
