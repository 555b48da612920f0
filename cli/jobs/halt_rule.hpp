/// \file
/// When to stop before all is done: --halt, as GNU parallel spells and means it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace gatherd::cli::jobs {

/// `never`, or `now` or `soon`, a comma, and `fail=N`, `success=N` or `done=N`, where N may be a percentage:
/// `now,fail=1`, `soon,done=50%`. Also `0`, `1`, `2`, `-1`, `-2` and `N%`, as they were spelt once.
class halt_rule {
public:
    enum class action { none, soon, now };

    /// Of `never`.
    halt_rule() = default;

    /// Throws usage_error.
    explicit halt_rule(const std::string& text);

    [[nodiscard]] bool is_never() const noexcept { return when_ == action::none; }

    /// What is to be done after a job has ended, with numbers that count that job, too. `total`: of all jobs, if that
    /// is known by now; a percentage waits for it.
    [[nodiscard]] action after(std::uint64_t done, std::uint64_t failed, std::optional<std::uint64_t> total) const;

    /// The exit status of GNU parallel. `stopped_by`: that of the job after which this rule told to stop, if it did.
    /// `total`: of all jobs where it did and that is known, else of those that were started.
    [[nodiscard]] int exit_status(std::optional<int> stopped_by, std::uint64_t total, std::uint64_t failed) const;

private:
    enum class what { fail, success, done };

    action when_ = action::none;
    what counted_ = what::fail;
    bool is_percentage_ = false;
    std::uint64_t number_ = 0;
};

}  // namespace gatherd::cli::jobs
