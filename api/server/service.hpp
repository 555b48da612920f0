/// \file
/// What all connections of a daemon share.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_set>
#include <utility>
#include <vector>

#include "api/limits.hpp"
#include "api/plan/registry.hpp"
#include "api/server/task_table.hpp"
#include "executor/scheduler.hpp"

namespace gatherd::api::server {

class connection;

/// Counts of what happened since the start. Relaxed: they order nothing, they are only read for reports.
struct counters {
    std::atomic<std::uint64_t> connections_accepted{0};
    std::atomic<std::uint64_t> connections_refused{0};  ///< beyond limits.connections
    std::atomic<std::uint64_t> foreign_closed{0};       ///< HTTP or TLS on this port
    std::atomic<std::uint64_t> requests{0};
    std::atomic<std::uint64_t> programs_run{0};
    std::atomic<std::uint64_t> programs_failed{0};
};

/// Tasks that count against limits.tasks_in_flight and limits.connection_tasks_in_flight, for as long as it lives.
class task_allowance {
public:
    using counter = std::atomic<std::size_t>;

    task_allowance() = default;

    /// Takes them at once; whether that was too many is to be asked afterwards: two at a time may both be refused,
    /// but never both be let in. `of_connection` is shared, since a detached task outlives its connection.
    task_allowance(counter& of_service, std::shared_ptr<counter> of_connection, std::size_t tasks) noexcept
        : of_service_{&of_service}, of_connection_{std::move(of_connection)}, tasks_{tasks} {
        of_service_->fetch_add(tasks_, std::memory_order_relaxed);  // only counted, as all of these
        of_connection_->fetch_add(tasks_, std::memory_order_relaxed);
    }
    task_allowance(task_allowance&& other) noexcept { swap(other); }
    task_allowance& operator=(task_allowance&& other) noexcept {
        task_allowance taken{std::move(other)};
        swap(taken);
        return *this;
    }
    ~task_allowance() {
        if (of_connection_ != nullptr) {
            of_service_->fetch_sub(tasks_, std::memory_order_relaxed);
            of_connection_->fetch_sub(tasks_, std::memory_order_relaxed);
        }
    }

private:
    void swap(task_allowance& other) noexcept {
        std::swap(of_service_, other.of_service_);
        std::swap(of_connection_, other.of_connection_);
        std::swap(tasks_, other.tasks_);
    }

    counter* of_service_ = nullptr;
    std::shared_ptr<counter> of_connection_;
    std::size_t tasks_ = 0;
};

/// The daemon without its sockets: what there is to call, what is allowed, who is connected, what was created.
///
/// Threads: all members are safe from any thread. It outlives every connection and program.
class service {
public:
    service(executor::scheduler& on, const plan::registry& functions, limits bounds, std::string version);
    ~service();
    service(const service&) = delete;
    service& operator=(const service&) = delete;

    [[nodiscard]] executor::scheduler& runs_on() noexcept { return scheduler_; }
    [[nodiscard]] const plan::registry& functions() const noexcept { return functions_; }
    [[nodiscard]] const limits& bounds() const noexcept { return limits_; }
    [[nodiscard]] const std::string& version() const noexcept { return version_; }
    [[nodiscard]] task_table& tasks() noexcept { return tasks_; }
    [[nodiscard]] counters& counts() noexcept { return counters_; }
    [[nodiscard]] std::atomic<std::size_t>& tasks_in_flight() noexcept { return tasks_in_flight_; }

    /// Keeps a connection until it leaves. False: there are as many as limits.connections allows.
    [[nodiscard]] bool enter(const std::shared_ptr<connection>& who);
    void leave(const std::shared_ptr<connection>& who) noexcept;
    [[nodiscard]] std::size_t connections() const;

    /// From now on nothing new is started; connections close as they have nothing more to answer. `emptied` is called
    /// once, when the last has closed, perhaps at once. A listener must have stopped before.
    void drain(std::function<void()> emptied);
    [[nodiscard]] bool is_draining() const noexcept { return is_draining_.load(std::memory_order_acquire); }

    /// The grace is over: all that runs is cancelled with "shutting down", answered, and the connections closed.
    void cancel_all();

private:
    [[nodiscard]] std::vector<std::shared_ptr<connection>> everybody() const;

    executor::scheduler& scheduler_;
    const plan::registry& functions_;
    const limits limits_;
    const std::string version_;
    counters counters_;
    task_table tasks_;
    std::atomic<std::size_t> tasks_in_flight_{0};
    std::atomic<bool> is_draining_{false};  // release in drain, acquire where it is asked: nothing else hangs on it

    mutable std::mutex lock_;
    std::unordered_set<std::shared_ptr<connection>> connections_;  // under lock_, as the next
    std::function<void()> emptied_;
};

}  // namespace gatherd::api::server
