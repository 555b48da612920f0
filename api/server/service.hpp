/// \file
/// What all connections of a daemon share.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_set>
#include <vector>

#include "api/plan/model/registry.hpp"
#include "api/server/auth/identity.hpp"
#include "api/server/auth/token_table.hpp"
#include "api/server/limits/counters.hpp"
#include "api/server/limits/live_limits.hpp"
#include "api/server/limits/log_throttle.hpp"
#include "api/server/limits/memory_watch.hpp"
#include "api/server/net/bulk_lane.hpp"
#include "api/server/net/peer_address.hpp"
#include "api/server/tasks/task_table.hpp"
#include "api/workers/worker_table.hpp"
#include "gatherd/api/limits.hpp"
#include "gatherd/executor/scheduler.hpp"

namespace gatherd::api::server {

class connection;

/// The daemon without its sockets: what there is to call, what is allowed, who is connected, what was created.
///
/// Threads: all members are safe from any thread. It outlives every connection and program.
class service {
public:
    /// `blocking_threads`: as of the scheduler, for plans that do not run on that one.
    /// `functions`: what workers serve is added to them.
    service(executor::scheduler& threads, plan::registry& functions, const limits& bounds, std::string version,
            std::size_t blocking_threads = 64);
    ~service();
    service(const service&) = delete;
    service& operator=(const service&) = delete;

    [[nodiscard]] executor::scheduler& runs_on() noexcept { return scheduler_; }
    [[nodiscard]] const plan::registry& functions() const noexcept { return functions_; }
    [[nodiscard]] const std::string& version() const noexcept { return version_; }
    [[nodiscard]] task_table& tasks() noexcept { return tasks_; }
    [[nodiscard]] counters& counts() noexcept { return counters_; }
    [[nodiscard]] memory_watch& memory() noexcept { return memory_; }
    [[nodiscard]] workers::worker_table& workers() noexcept { return workers_; }
    [[nodiscard]] bulk_lane& bulk() noexcept { return bulk_; }

    /// Where plans run that have so many tasks that a step of theirs (creating them, gathering what they gave) would
    /// keep a worker from its connections: workers of their own, without connections, as many and nicer. Made when
    /// first asked for.
    [[nodiscard]] executor::scheduler& bulk_scheduler();

    /// Threads that may block at once, on each of these schedulers.
    [[nodiscard]] std::size_t blocking_threads() const noexcept { return blocking_threads_; }

    /// Those workers, if they were made, and else null.
    [[nodiscard]] executor::scheduler* made_bulk_scheduler() const noexcept {
        return made_bulk_scheduler_.load(std::memory_order_acquire);  // pairs with the release where it is made
    }

    /// Waits until no message or answer is being read or written in bulk. Such a message may have started a program.
    void finish_bulk() noexcept { bulk_.finish(); }

    /// Ends the threads for bulk. When all that ran has ended; what they still do needs the scheduler.
    void stop_bulk() noexcept;
    [[nodiscard]] const std::shared_ptr<std::atomic<std::size_t>>& tasks_in_flight() const noexcept {
        return tasks_in_flight_;
    }
    [[nodiscard]] std::chrono::nanoseconds uptime() const noexcept;

    /// The limits that hold at the moment; the reference stays good.
    [[nodiscard]] const limits& bounds() const noexcept { return limits_.now(); }

    /// From now on these. What runs goes on under those that it began with.
    void change_limits(const limits& bounds) {
        limits_.replace(bounds);
        memory_.change_limits(bounds);
    }

    /// From now on these tokens; connections of those that go are closed, and their tasks cancelled.
    void change_tokens(const std::vector<token_grant>& grants);
    [[nodiscard]] const token_table& tokens() const noexcept { return tokens_; }
    [[nodiscard]] log_throttle& refused_tokens_log() noexcept { return refused_tokens_log_; }

    /// Who a client is that shows no token: anybody where none are asked for, else null.
    [[nodiscard]] std::shared_ptr<identity> without_token() const;

    /// Who processes of pools are, whatever tokens there are.
    [[nodiscard]] const std::shared_ptr<identity>& own_identity() const noexcept { return anybody_; }

    /// Connections that were not let in and are being told so.
    [[nodiscard]] std::atomic<std::size_t>& refused_now() noexcept { return refused_now_; }

    /// Keeps a connection until it leaves. Gives the name of the limit that forbids it, or null.
    [[nodiscard]] const char* enter(const std::shared_ptr<connection>& who);
    void leave(const std::shared_ptr<connection>& who) noexcept;
    [[nodiscard]] std::size_t connections() const;

    /// From now on nothing new is started; connections close as they have nothing more to answer. `emptied` is called
    /// once, when the last has closed, perhaps at once. A listener must have stopped before.
    void drain(std::function<void()> emptied);
    [[nodiscard]] bool is_draining() const noexcept { return is_draining_.load(std::memory_order_acquire); }

    /// The grace is over: all that runs is cancelled with "shutting down", answered, and the connections closed, but
    /// for those of workers.
    void cancel_all();

    /// Nothing is left to be called: the connections of workers close as others do in a drain; or `at_once`, as
    /// cancel_all has it.
    void end_workers(bool at_once);
    [[nodiscard]] bool may_workers_end() const noexcept { return may_workers_end_.load(std::memory_order_acquire); }

    [[nodiscard]] std::vector<std::shared_ptr<connection>> everybody() const;

private:
    executor::scheduler& scheduler_;
    const plan::registry& functions_;
    live_limits limits_;
    const std::string version_;
    const std::chrono::steady_clock::time_point began_ = std::chrono::steady_clock::now();
    counters counters_;
    task_table tasks_;
    token_table tokens_;
    workers::worker_table workers_;
    log_throttle refused_tokens_log_{std::chrono::seconds{1}};
    const std::shared_ptr<identity> anybody_ = std::make_shared<identity>("", all_rights, 0);
    bulk_lane bulk_;
    const std::size_t blocking_threads_;
    std::once_flag bulk_is_made_;
    std::unique_ptr<executor::scheduler> bulk_scheduler_;
    std::atomic<executor::scheduler*> made_bulk_scheduler_{nullptr};
    std::shared_ptr<std::atomic<std::size_t>> tasks_in_flight_ = std::make_shared<std::atomic<std::size_t>>(0);
    std::atomic<std::size_t> refused_now_{0};  // only counted
    std::atomic<bool> may_workers_end_{false};  // as is_draining_
    std::atomic<bool> is_draining_{false};     // release in drain, acquire where it is asked: nothing else hangs on it

    mutable std::mutex lock_;
    std::unordered_set<std::shared_ptr<connection>> connections_;  // under lock_, as all below
    std::map<peer_address, std::size_t> by_address_;
    std::function<void()> emptied_;

    memory_watch memory_;  // last: its thread looks at the others
};

}  // namespace gatherd::api::server
