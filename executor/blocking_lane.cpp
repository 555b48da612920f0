#include "executor/blocking_lane.hpp"

#include <pthread.h>

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <system_error>
#include <thread>

#include "executor/work_line.hpp"

namespace gatherd::executor {
namespace {

constexpr std::chrono::seconds idle_life{10};

}  // namespace

struct blocking_lane::state {
    explicit state(std::size_t limit) : max_threads{limit} {}

    const std::size_t max_threads;
    std::mutex lock;
    std::condition_variable arrived;
    work_line waiting;  // under lock, as all below
    std::size_t threads = 0;
    std::size_t idle = 0;
    bool stopping = false;

    /// A thread's life: work while there is any, then wait a while for more.
    void serve() noexcept {
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
                --threads;
                return;
            }
        }
    }
};

blocking_lane::blocking_lane(std::size_t max_threads) : state_{std::make_shared<state>(max_threads)} {}

blocking_lane::~blocking_lane() {
    stop();
}

bool blocking_lane::submit(work& item) noexcept {
    std::unique_lock guard{state_->lock};
    state_->waiting.push(item);
    if (state_->idle >= state_->waiting.size() || state_->threads >= state_->max_threads) {
        guard.unlock();
        state_->arrived.notify_one();
        return true;
    }
    try {
        std::thread thread{[shared = state_] {
            pthread_setname_np(pthread_self(), "blocking");
            shared->serve();
        }};
        thread.detach();
        ++state_->threads;
    } catch (const std::system_error&) {  // the system has no more: those that run take it in their time
        if (state_->threads == 0) {
            static_cast<void>(state_->waiting.pop());  // without a thread nothing else can be in line
            return false;
        }
    }
    return true;
}

void blocking_lane::stop() noexcept {
    const std::lock_guard guard{state_->lock};
    state_->stopping = true;
    state_->arrived.notify_all();
}

std::size_t blocking_lane::busy() const noexcept {
    const std::lock_guard guard{state_->lock};
    return state_->threads - state_->idle;
}

}  // namespace gatherd::executor
