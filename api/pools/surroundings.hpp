/// \file
/// What all pools of a daemon share.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>

#include "api/process/descriptor.hpp"
#include "api/process/process_spawner.hpp"
#include "api/workers/pool_member.hpp"
#include "api/workers/worker_table.hpp"
#include "gatherd/executor/async_scope.hpp"
#include "gatherd/executor/scheduler.hpp"

namespace gatherd::api::pools {

/// Makes the daemon's end of a process's socket a connection that is a worker (worker_table::join was called), and
/// gives that. From any thread.
using connect_process = std::function<std::shared_ptr<workers::worker>(process::descriptor end,
                                                                       std::shared_ptr<workers::pool_member> member)>;

struct surroundings {
    executor::scheduler& threads;
    workers::worker_table& workers;
    connect_process connect;
    std::optional<std::uint64_t> open_files;  ///< the soft limit that processes begin with; none: the daemon's
    process::process_spawner spawner;
    executor::async_scope tasks;
};

}  // namespace gatherd::api::pools
