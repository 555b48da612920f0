/// \file
/// The daemon without its sockets.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "api/plan/model/registry.hpp"
#include "api/server/auth/token_table.hpp"
#include "api/server/limits/memory_watch.hpp"
#include "api/server/methods/methods.hpp"
#include "api/server/net/connection_table.hpp"
#include "api/server/net/request_handler.hpp"
#include "api/server/state/server_state.hpp"
#include "api/server/tasks/task_table.hpp"
#include "gatherd/api/limits.hpp"
#include "gatherd/executor/scheduler.hpp"

namespace gatherd::api::server {

/// Puts the parts of a server together, and changes them together: its state, who is connected, what was created. Each
/// part is given those below it; only who owns the service knows it whole.
///
/// Threads: all members are safe from any thread. It outlives every connection and program.
class service : private request_handler, private memory_holders {
public:
    /// As server_state.
    service(executor::scheduler& threads, plan::registry& functions, const limits& bounds, std::string version,
            std::size_t blocking_threads = 64);
    ~service() override;
    service(const service&) = delete;
    service& operator=(const service&) = delete;

    [[nodiscard]] server_state& state() noexcept { return state_; }
    [[nodiscard]] task_table& tasks() noexcept { return tasks_; }
    [[nodiscard]] connection_table& connections() noexcept { return connections_; }

    /// What the methods work on.
    [[nodiscard]] const server_parts& parts() const noexcept { return parts_; }

    /// From now on these tokens; connections of those that go are closed, and their tasks cancelled.
    void change_tokens(const std::vector<token_grant>& grants);

    /// From now on nothing new is started; connections close as they have nothing more to answer. `emptied` is called
    /// once, when the last has closed, perhaps at once. All listeners must have stopped before.
    void drain(std::function<void()> emptied);

    /// The grace is over: all that runs is cancelled with "shutting down", answered, and the connections closed, but
    /// for those of workers.
    void cancel_all();

    /// Nothing is left to be called: the connections of workers close as others do in a drain; or `at_once`, as
    /// cancel_all has it.
    void end_workers(bool at_once);

private:
    void handle(const protocol::request& request, reply answer) override;

    [[nodiscard]] std::vector<std::shared_ptr<memory_holder>> holders() const override;
    [[nodiscard]] std::size_t kept_bytes() override { return tasks_.kept_bytes(); }
    void drop_half() override { tasks_.drop_half(); }
    void drop_records() override { static_cast<void>(state_.records()->cut_all()); }

    server_state state_;
    task_table tasks_;
    connection_table connections_;
    const server_parts parts_{state_, tasks_, connections_};
};

}  // namespace gatherd::api::server
