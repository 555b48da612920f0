/// \file
/// A pool: the generation that serves, and the one that may follow it.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>

#include "api/pools/generation.hpp"
#include "api/pools/output_log.hpp"
#include "api/pools/pool_settings.hpp"
#include "api/pools/surroundings.hpp"

namespace gatherd::api::pools {

/// Threads: all members are safe from any thread.
class pool : public std::enable_shared_from_this<pool> {
public:
    pool(surroundings& around, std::string name);

    /// The first generation. Throws std::runtime_error where the settings allow none.
    void start(const pool_settings& settings);

    /// Starts a generation of these settings. Once it serves, the processes of the present one end when their calls
    /// have ended; if it does not, the present one stays. Throws std::runtime_error where the settings allow none.
    void replace(const pool_settings& settings);

    /// What its processes do, those of a generation on trial among them; and how many have followed one that had
    /// failed, or whose time had come.
    struct state {
        std::string name;
        generation::process_counts processes{};
        std::uint64_t followed_failed = 0;
        std::uint64_t followed_replaced = 0;
    };
    [[nodiscard]] state now() const;

    /// All its processes end, when their calls have ended or `at_once`.
    void stop(const char* why, bool at_once);

private:
    using generation_ptr = std::shared_ptr<generation>;

    [[nodiscard]] generation_ptr make(const pool_settings& settings, bool is_on_trial);
    void note_serving(generation& confirmed);
    void note_failing(generation& failing, pid_t process, const std::string& why);
    void note_given_up(generation& failed, pid_t process, const std::string& why);

    surroundings& around_;
    const std::shared_ptr<const std::string> name_;
    const std::shared_ptr<log::line_budget> output_budget_;
    log::line_budget fault_budget_;

    const std::shared_ptr<restart_counts> restarts_ = std::make_shared<restart_counts>();

    mutable std::mutex lock_;
    generation_ptr current_{};  // under lock_, as all below
    generation_ptr next_{};     // on trial
    bool is_stopped_ = false;
    bool is_said_to_serve_ = false;  // in the log, since it was last said to have failed
};

}  // namespace gatherd::api::pools
