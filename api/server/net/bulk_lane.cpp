#include "api/server/net/bulk_lane.hpp"

#include <pthread.h>
#include <sys/resource.h>
#include <unistd.h>

#include <utility>

namespace gatherd::api::server {
namespace {

constexpr int niceness = 5;

}  // namespace

void be_nice() noexcept {
    // On Linux this is about the calling thread alone. A refusal costs nothing but the preference.
    static_cast<void>(setpriority(PRIO_PROCESS, static_cast<id_t>(gettid()), niceness));
}

void bulk_lane::submit(std::function<void()> job) {
    {
        const std::lock_guard guard{lock_};
        jobs_.push_back(std::move(job));
        if (idle_ < jobs_.size() && threads_.size() < most_threads_) {
            threads_.emplace_back([this] { run_jobs(); });
        }
    }
    changed_.notify_one();
}

void bulk_lane::run_jobs() noexcept {
    pthread_setname_np(pthread_self(), "bulk");
    begin_();
    std::unique_lock guard{lock_};
    for (;;) {
        ++idle_;
        became_idle_.notify_all();
        changed_.wait(guard, [this] { return !jobs_.empty() || is_stopping_; });
        --idle_;
        if (jobs_.empty()) {
            return;
        }
        auto job = std::move(jobs_.front());
        jobs_.pop_front();
        guard.unlock();
        job();
        job = nullptr;  // what it keeps alive goes without the lock
        guard.lock();
    }
}

void bulk_lane::finish() noexcept {
    std::unique_lock guard{lock_};
    became_idle_.wait(guard, [this] { return jobs_.empty() && idle_ == threads_.size(); });
}

void bulk_lane::stop() noexcept {
    {
        const std::lock_guard guard{lock_};
        is_stopping_ = true;
    }
    changed_.notify_all();
    for (std::thread& each : threads_) {
        each.join();
    }
    threads_.clear();
}

}  // namespace gatherd::api::server
