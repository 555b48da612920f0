/// \file
/// One process of a pool, from its start until it is reaped.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "api/pools/launcher.hpp"
#include "api/pools/output_log.hpp"
#include "api/pools/pool_settings.hpp"
#include "api/pools/surroundings.hpp"
#include "api/process/process_watch.hpp"
#include "gatherd/executor/event.hpp"
#include "gatherd/executor/task.hpp"
#include "gatherd/executor/timer.hpp"

namespace gatherd::api::pools {

/// A process that serves functions.
///
/// State   starting --first serve--> serving
///         serving  --max_calls, max_memory, max_age, no answer to a cancellation, retire--> draining
///         starting --start_time, retire--> draining, since its first serve may have brought it a call already
///         draining --its calls have ended, drain_time--> stopping
///         starting, serving, draining --its connection has ended--> closing --half a second--> stopping
///         any      --it ends--> what it has sent is read --> ended
///
/// In state stopping its connection is closed and its group gets SIGTERM, and SIGKILL after cancel_time.
///
/// Threads: run is a task of its own; retire and the questions from any thread.
class pool_process : public std::enable_shared_from_this<pool_process> {
public:
    using clock = std::chrono::steady_clock;

    /// What its generation wants to hear; from its task.
    struct listener {
        std::function<void()> serving;  ///< its first serve was answered
        std::function<void()> leaving;  ///< it serves no more, or never did: another one may be started in its place
        std::function<void()> ended;    ///< it was reaped, or could not be started
    };

    pool_process(surroundings& around, const pool_settings& settings, const launcher& starts, log::line_budget& budget,
                 std::shared_ptr<const std::string> pool);

    /// Its whole life. `settings`, `starts` and `budget` outlive that.
    static executor::task<> run(std::shared_ptr<pool_process> self, listener told);

    /// It is to end when its calls have ended, or at once. `why`: a literal, for errors of calls that this ends.
    void retire(const char* why, bool at_once);

    /// Whether another one may be started in its place.
    [[nodiscard]] bool has_left() const noexcept { return has_left_.load(); }

    /// Why it has ended by itself, or was ended for a fault of its own; empty: it has not. After has_left.
    [[nodiscard]] const std::string& fault() const noexcept { return fault_; }

    /// 0: it could not be started. As fault.
    [[nodiscard]] pid_t pid() const noexcept { return pid_; }

    [[nodiscard]] bool has_served() const noexcept { return serving_since_.has_value(); }

    /// How long it has served. After has_left.
    [[nodiscard]] clock::duration served() const noexcept;

private:
    enum class phase { starting, serving, draining, closing, stopping };

    class watch;

    [[nodiscard]] process::descriptor make_socket(process::process_request& request) const;
    executor::task<bool> start();
    executor::task<> stopped();
    executor::task<> live();
    [[nodiscard]] bool step();
    void begin_to_drain(std::string why);
    void begin_to_stop();
    void leave();
    [[nodiscard]] std::string why_replaced(bool is_old) const;
    [[nodiscard]] bool takes_too_much() const;
    void finish();
    [[nodiscard]] std::string ending_text() const;
    [[nodiscard]] std::string why_ended() const;

    surroundings& around_;
    const pool_settings& settings_;
    const launcher& starts_;
    const std::shared_ptr<workers::pool_member> member_;
    output_log output_;
    output_log errors_;
    listener told_{};
    std::atomic<bool> is_retired_{false};
    std::atomic<const char*> why_retired_{""};
    std::atomic<bool> is_hurried_{false};
    std::atomic<bool> has_left_{false};

    // Its task's own.
    std::shared_ptr<watch> watch_{};
    std::atomic<bool> has_ended_{false};  // set by the watch
    std::shared_ptr<workers::worker> worker_{};
    pid_t pid_ = 0;
    phase phase_ = phase::starting;
    bool is_ours_ = false;  // that it ends is what was wanted
    std::string fault_{};
    std::string why_stopped_{};               // by the daemon
    std::optional<clock::time_point> due_{};  // when the phase ends by itself
    std::optional<clock::time_point> serving_since_{};
    clock::time_point left_at_{};
    executor::timer alarm_;
};

}  // namespace gatherd::api::pools
