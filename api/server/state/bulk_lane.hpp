/// \file
/// Threads for what would hold a worker up: reading huge messages, writing huge answers.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <utility>

#include "gatherd/executor/detail/blocking_pool.hpp"

namespace gatherd::api::server {

/// Makes the calling thread, and those that it starts, give way to the workers.
void be_nice() noexcept;

/// Runs jobs on a few threads of its own, oldest first. A worker serves many connections and must look round each
/// millisecond; a plan of a million tasks takes some hundred to decode. These threads are nicer than workers
/// (`nice` 5), so where both want the same core it is the small requests that go first.
///
/// Bounded by its users: each connection has at most one message here, each program one end.
///
/// Threads: submit is safe from any thread; finish, stop and the destructor from one that is no job.
class bulk_lane {
public:
    /// `begin`: what each of its threads does first; must not throw.
    explicit bulk_lane(std::size_t most_threads, std::function<void()> begin = be_nice);
    ~bulk_lane() { stop(); }
    bulk_lane(const bulk_lane&) = delete;
    bulk_lane& operator=(const bulk_lane&) = delete;

    /// Has a thread run the job, which must not throw. Threads are started as they are needed; where none is there and
    /// none can be started, the calling thread runs it.
    void submit(std::function<void()> job);

    /// Has a thread call that member of `owner` with `what`, which is never copied.
    template <typename Owner, typename Thing>
    void submit(std::shared_ptr<Owner> owner, void (Owner::*call)(Thing), Thing thing) {
        // Shared, since std::function copies what it holds.
        submit([owner = std::move(owner), call, shared = std::make_shared<Thing>(std::move(thing))]() mutable {
            (owner.get()->*call)(std::move(*shared));
            shared.reset();
        });
    }

    /// Waits until no job is left, nor one that a job submitted.
    void finish() noexcept;

    /// Runs what was submitted, then ends the threads. Nothing is to be submitted any more.
    void stop() noexcept { threads_.stop(); }

private:
    struct job;

    std::mutex lock_;
    std::condition_variable finished_;
    std::size_t unfinished_ = 0;  // under lock_: jobs
    executor::blocking_pool threads_;
};

}  // namespace gatherd::api::server
