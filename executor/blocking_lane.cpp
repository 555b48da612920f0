#include "executor/blocking_lane.hpp"

#include <pthread.h>

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <system_error>
#include <thread>

namespace gatherd::executor {
namespace {

constexpr std::chrono::seconds idle_life{10};

}  // namespace

struct blocking_lane::state {
    explicit state(std::size_t limit) : max_threads{limit} {}

    const std::size_t max_threads;
    std::mutex lock;
    std::condition_variable arrived;
    work* first = nullptr;  // under lock, as all below
    work* last = nullptr;
    std::size_t waiting = 0;
    std::size_t threads = 0;
    std::size_t idle = 0;
    bool stopping = false;

    void push(work& item) noexcept {
        item.next = nullptr;
        (last != nullptr ? last->next : first) = &item;
        last = &item;
        ++waiting;
    }

    work& pop() noexcept {
        work& item = *first;
        first = item.next;
        if (first == nullptr) {
            last = nullptr;
        }
        --waiting;
        return item;
    }

    /// A thread's life: work while there is any, then wait a while for more.
    void serve() noexcept {
        std::unique_lock guard{lock};
        while (true) {
            while (first != nullptr) {
                work& item = pop();
                guard.unlock();
                item.run(item);
                guard.lock();
            }
            ++idle;
            arrived.wait_for(guard, idle_life, [this] { return first != nullptr || stopping; });
            --idle;
            if (first == nullptr) {
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
    state_->push(item);
    if (state_->idle >= state_->waiting || state_->threads >= state_->max_threads) {
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
            state_->pop();  // without a thread nothing else can be in line
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
