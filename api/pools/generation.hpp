/// \file
/// Processes of a pool that run the same program with the same settings.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_set>
#include <vector>

#include "api/pools/launcher.hpp"
#include "api/pools/output_log.hpp"
#include "api/pools/pool_process.hpp"
#include "api/pools/pool_settings.hpp"
#include "api/pools/surroundings.hpp"

namespace gatherd::api::pools {

/// How often a process of a pool was started in place of another one. Only counted.
struct restart_counts {
    std::atomic<std::uint64_t> failed{0};    ///< which had failed
    std::atomic<std::uint64_t> replaced{0};  ///< whose time had come
};

/// Keeps as many processes as the settings say, each in a slot: one that has ended, or is about to, is followed by
/// another. After a fault that takes a pause, which doubles from fault to fault until a process has served for ten
/// seconds.
///
/// A generation on trial is the successor of another. It is confirmed by its first serve. If no process of it has
/// served and each has failed once, it is given up.
///
/// Threads: all members are safe from any thread. It lives until its last process has been reaped.
class generation : public std::enable_shared_from_this<generation> {
public:
    /// What its pool wants to hear, in a task of one of its processes.
    struct listener {
        std::function<void(generation&)> serving;  ///< each time that a process serves
        std::function<void(generation&, pid_t, const std::string&)>
            failing;  ///< a process has failed, and why; 0: it never began
        std::function<void(generation&, pid_t, const std::string&)> given_up;  ///< on trial
    };

    /// Throws std::runtime_error where no process of these settings can be started.
    generation(surroundings& around, pool_settings settings, std::shared_ptr<log::line_budget> budget,
               std::shared_ptr<restart_counts> restarts, bool is_on_trial, listener told);

    void start();

    /// Each process ends when its calls have ended, or `at_once`, and none follows.
    void retire(const char* why, bool at_once);

    [[nodiscard]] const pool_settings& settings() const noexcept { return settings_; }

    /// Its processes by what they do.
    struct process_counts {
        std::size_t starting = 0;
        std::size_t serving = 0;
        std::size_t ending = 0;
    };
    [[nodiscard]] process_counts counts() const;

    /// How many processes serve.
    [[nodiscard]] std::size_t serving() const noexcept { return serving_.load(); }

private:
    enum class state { on_trial, confirmed, retired };
    struct slot {
        executor::event changed;
        bool has_failed = false;  // under lock_
    };
    using process_ptr = std::shared_ptr<pool_process>;
    using slot_ptr = std::shared_ptr<slot>;

    static executor::task<> keep(std::shared_ptr<generation> self, slot_ptr place);
    executor::task<> fill(slot_ptr place);
    executor::task<> pause(slot_ptr place, std::chrono::milliseconds time);
    [[nodiscard]] process_ptr start_one(const slot_ptr& place);
    [[nodiscard]] state now() const;
    void confirm();
    void note_failure(slot& place, const pool_process& process);

    surroundings& around_;
    const pool_settings settings_;
    const std::shared_ptr<const std::string> name_;
    const launcher starts_;
    const std::shared_ptr<log::line_budget> budget_;
    const std::shared_ptr<restart_counts> restarts_;
    const listener told_;
    std::atomic<std::size_t> serving_{0};

    mutable std::mutex lock_;
    state state_;  // under lock_, as all below
    bool is_hurried_ = false;
    std::vector<slot_ptr> slots_{};
    std::size_t failed_ = 0;  // slots
    std::unordered_set<process_ptr> processes_{};
};

}  // namespace gatherd::api::pools
