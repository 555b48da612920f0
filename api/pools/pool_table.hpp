/// \file
/// The pools of a daemon.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "api/plan/model/registry.hpp"
#include "api/pools/pool.hpp"
#include "api/pools/pool_settings.hpp"
#include "api/pools/surroundings.hpp"

namespace gatherd::api::pools {

/// Throws std::runtime_error, with the pool's name, where its settings allow no process: its program, folder or user
/// cannot be found, its program cannot be executed, or a name in its functions is none that it could serve beside
/// `functions`, the daemon's own.
void check(const pool_settings& settings, const plan::registry& functions);

/// Starts the processes of all pools, keeps them running and ends them.
///
/// Threads: one, which is no worker; `states` from any.
class pool_table {
public:
    /// `open_files`: the soft limit that processes begin with; none: the daemon's. The scheduler and the table of
    /// workers outlive this.
    pool_table(executor::scheduler& threads, workers::worker_table& workers, connect_process connect,
               std::optional<std::uint64_t> open_files);

    /// Waits for the end of all processes, which `stop` has begun.
    ~pool_table();
    pool_table(const pool_table&) = delete;
    pool_table& operator=(const pool_table&) = delete;

    /// From now on these pools: new ones start, those that are gone end, and of the others all processes are replaced.
    /// Throws std::runtime_error where the settings of one allow no process; nothing has changed then.
    void change(const std::vector<pool_settings>& pools);

    /// What the processes of each pool do, by name.
    [[nodiscard]] std::vector<pool::state> states() const;

    /// All processes end: when their calls have ended, or `at_once`.
    void stop(bool at_once);

    /// Waits until all have ended. After stop; once.
    void wait();

private:
    surroundings around_;
    mutable std::mutex lock_;  // of who changes pools_, and of `states`
    std::map<std::string, std::shared_ptr<pool>> pools_{};
    bool was_awaited_ = false;
};

}  // namespace gatherd::api::pools
