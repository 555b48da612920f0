/// \file
/// What all parts of a server share, whoever is connected.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <memory>
#include <mutex>
#include <string>

#include "api/live_value.hpp"
#include "api/log/line_budget.hpp"
#include "api/plan/evaluate/call_times.hpp"
#include "api/plan/evaluate/record_budget.hpp"
#include "api/plan/model/registry.hpp"
#include "api/server/auth/token_table.hpp"
#include "api/server/limits/counters.hpp"
#include "api/server/limits/failure_counts.hpp"
#include "api/server/limits/memory_watch.hpp"
#include "api/server/state/bulk_lane.hpp"
#include "api/workers/worker_table.hpp"
#include "gatherd/api/limits.hpp"
#include "gatherd/executor/scheduler.hpp"

namespace gatherd::api::server {

/// The threads, the functions, the limits, the counters, the tokens: what connections, created tasks and methods stand
/// on. It knows none of them.
///
/// Threads: all members are safe from any thread. It outlives every connection and program.
class server_state {
public:
    /// `functions`: what workers serve is added to them.
    /// `blocking_threads`: as of the scheduler, for plans that do not run on that one.
    server_state(executor::scheduler& threads, plan::registry& functions, const limits& bounds, std::string version,
                 std::size_t blocking_threads);
    server_state(const server_state&) = delete;
    server_state& operator=(const server_state&) = delete;

    [[nodiscard]] executor::scheduler& runs_on() noexcept { return scheduler_; }
    [[nodiscard]] const plan::registry& functions() const noexcept { return functions_; }
    [[nodiscard]] workers::worker_table& workers() noexcept { return workers_; }
    [[nodiscard]] const std::string& version() const noexcept { return version_; }
    [[nodiscard]] std::chrono::nanoseconds uptime() const noexcept;

    /// The limits that hold at the moment; the reference stays good.
    [[nodiscard]] const limits& bounds() const noexcept { return limits_.now(); }
    [[nodiscard]] const live_value<limits>& current_limits() const noexcept { return limits_; }

    /// From now on these. What runs goes on under those that it began with.
    void change_limits(const limits& bounds);

    [[nodiscard]] counters& counts() noexcept { return counters_; }
    [[nodiscard]] failure_counts& failures() noexcept { return failures_; }
    [[nodiscard]] memory_watch& memory() noexcept { return memory_; }

    /// Of the nodes of programs that are watched.
    [[nodiscard]] const std::shared_ptr<plan::record_budget>& records() const noexcept { return records_; }
    /// Where the calls of all programs are counted, but those of workers.
    [[nodiscard]] const std::shared_ptr<plan::call_times>& calls() const noexcept { return calls_; }

    /// Of all clients together, for task_allowance to count.
    [[nodiscard]] const std::shared_ptr<std::atomic<std::size_t>>& tasks_in_flight() const noexcept {
        return tasks_in_flight_;
    }

    [[nodiscard]] token_table& tokens() noexcept { return tokens_; }
    [[nodiscard]] log::line_budget& refused_tokens_log() noexcept { return refused_tokens_log_; }
    [[nodiscard]] log::line_budget& refused_serves_log() noexcept { return refused_serves_log_; }
    [[nodiscard]] log::line_budget& slow_requests_log() noexcept { return slow_requests_log_; }

    /// Who a client is that shows no token: anybody where none are asked for, else null.
    [[nodiscard]] std::shared_ptr<identity> without_token() const;

    /// Who processes of pools are, whatever tokens there are.
    [[nodiscard]] const std::shared_ptr<identity>& own_identity() const noexcept { return anybody_; }

    [[nodiscard]] bulk_lane& bulk() noexcept { return bulk_; }

    /// Where plans run that have so many tasks that a step of theirs (creating them, gathering what they gave) would
    /// keep a worker from its connections: workers of their own, without connections, as many and nicer. Made when
    /// first asked for.
    [[nodiscard]] executor::scheduler& bulk_scheduler();

    /// Those workers, if they were made, and else null.
    [[nodiscard]] executor::scheduler* made_bulk_scheduler() const noexcept {
        return made_bulk_scheduler_.load(std::memory_order_acquire);  // pairs with the release where it is made
    }

    /// Ends the threads for bulk. When all that ran has ended; what they still do needs the scheduler.
    void stop_bulk() noexcept;

    /// Threads that may block at once, on each of these schedulers.
    [[nodiscard]] std::size_t blocking_threads() const noexcept { return blocking_threads_; }

    /// From now on nothing new is started.
    void begin_drain() noexcept { is_draining_.store(true, std::memory_order_seq_cst); }                      // L
    [[nodiscard]] bool is_draining() const noexcept { return is_draining_.load(std::memory_order_seq_cst); }  // L

    /// From now on nothing is left to be called: in a drain the connections of workers end as others do.
    void let_workers_end() noexcept { may_workers_end_.store(true, std::memory_order_release); }
    [[nodiscard]] bool may_workers_end() const noexcept { return may_workers_end_.load(std::memory_order_acquire); }

private:
    executor::scheduler& scheduler_;
    const plan::registry& functions_;
    live_value<limits> limits_;
    const std::string version_;
    const std::chrono::steady_clock::time_point began_ = std::chrono::steady_clock::now();
    counters counters_;
    failure_counts failures_;
    token_table tokens_;
    log::line_budget refused_tokens_log_;
    log::line_budget refused_serves_log_;
    log::line_budget slow_requests_log_;
    const std::shared_ptr<identity> anybody_ = std::make_shared<identity>("", all_rights, 0);
    workers::worker_table workers_;
    memory_watch memory_;
    const std::shared_ptr<plan::record_budget> records_ = std::make_shared<plan::record_budget>();
    const std::shared_ptr<plan::call_times> calls_ = std::make_shared<plan::call_times>();
    std::shared_ptr<std::atomic<std::size_t>> tasks_in_flight_ = std::make_shared<std::atomic<std::size_t>>(0);
    std::atomic<bool> is_draining_{false};      // edge L of connection
    std::atomic<bool> may_workers_end_{false};  // release where set, acquire where asked: nothing else hangs on it

    bulk_lane bulk_;
    const std::size_t blocking_threads_;
    std::once_flag bulk_is_made_;
    std::unique_ptr<executor::scheduler> bulk_scheduler_;
    std::atomic<executor::scheduler*> made_bulk_scheduler_{nullptr};
};

}  // namespace gatherd::api::server
