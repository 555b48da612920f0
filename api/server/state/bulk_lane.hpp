/// \file
/// Threads for what would hold a worker up: reading huge messages, writing huge answers.
#pragma once

#include <array>
#include <condition_variable>
#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <utility>

#include "api/server/state/client_turns.hpp"
#include "gatherd/executor/detail/blocking_pool.hpp"

namespace gatherd::api::server {

/// Makes the calling thread, and those that it starts, give way to the workers.
void be_nice() noexcept;

/// Runs jobs on a few threads of its own. A worker serves many connections and must look round each millisecond; a plan
/// of a million tasks takes some hundred to decode. These threads are nicer than workers (`nice` 5), so where both want
/// the same core it is the small requests that go first.
///
/// Jobs of one client run in the order in which they came, clients take turns, and so do the two kinds of jobs: what
/// was sent (messages, and the ends of programs), and reports, which a few bytes ask for. So a thousand clients who ask
/// for long lists delay the message of another by one list a thread.
///
/// Bounded by its users: each connection has at most one message and one report here, each program one end.
///
/// Threads: submit is safe from any thread; finish, stop and the destructor from one that is no job.
class bulk_lane {
public:
    /// For whom a job is run: a client's share. Null: the daemon itself, and clients of the admin port without a token.
    using client = client_turns<std::function<void()>>::client;

    /// `begin`: what each of its threads does first; must not throw.
    explicit bulk_lane(std::size_t most_threads, std::function<void()> begin = be_nice);
    ~bulk_lane() { stop(); }
    bulk_lane(const bulk_lane&) = delete;
    bulk_lane& operator=(const bulk_lane&) = delete;

    /// Has a thread run the job, which must not throw. Threads are started as they are needed; where none is there and
    /// none can be started, the calling thread runs one.
    void submit(const client& owner, std::function<void()> job) { add(kind::work, owner, std::move(job)); }

    /// The same for a job that only reports.
    void submit_report(const client& owner, std::function<void()> job) { add(kind::report, owner, std::move(job)); }

    /// Has a thread call that member of `called` with `thing`, which is never copied.
    template <typename Called, typename Thing>
    void submit(const client& owner, std::shared_ptr<Called> called, void (Called::*member)(Thing), Thing thing) {
        // Shared, since std::function copies what it holds.
        submit(owner,
               [called = std::move(called), member, shared = std::make_shared<Thing>(std::move(thing))]() mutable {
                   (called.get()->*member)(std::move(*shared));
                   shared.reset();
               });
    }

    /// Waits until no job is left, nor one that a job submitted.
    void finish() noexcept;

    /// Runs what was submitted, then ends the threads. Nothing is to be submitted any more.
    void stop() noexcept { threads_.stop(); }

private:
    enum class kind : bool { work, report };
    struct turn;

    void add(kind what_for, const client& owner, std::function<void()> job);
    [[nodiscard]] std::function<void()> next();

    std::mutex lock_;
    std::condition_variable finished_;
    std::size_t unfinished_ = 0;                                  // under lock_, as all below: jobs
    std::array<client_turns<std::function<void()>>, 2> waiting_;  // by kind
    std::size_t last_kind_ = 0;                                   // of which a job was taken last
    executor::blocking_pool threads_;
};

}  // namespace gatherd::api::server
