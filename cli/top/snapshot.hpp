/// \file
/// What a daemon answered at one time, and rates from two such.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "gatherd/api/value.hpp"

namespace gatherd::cli::top {

/// The answers of info, stats, tasks and workers; null where one was refused. They are somebody's JSON: any member may
/// be missing, or of another kind.
struct snapshot {
    double at = 0;    ///< seconds of a clock that only goes on
    double wall = 0;  ///< Unix seconds, by our clock
    api::value info{};
    api::value stats{};
    api::value tasks{};
    api::value workers{};
    std::string refusal{};      ///< why one of them is missing
    bool has_all_tasks = true;  ///< false: there may be more than the daemon was asked for
};

/// The number at a JSON pointer, else 0.
[[nodiscard]] double number_at(const api::value& answer, const std::string& pointer);

/// A member as a text: of a string itself, else its JSON; empty where it is missing or null.
[[nodiscard]] std::string text_at(const api::value& answer, std::string_view member);

/// A number that grows, a second: since `before`, or, without one, or where the daemon was started anew, since its
/// start.
class rates {
public:
    rates(const snapshot* before, const snapshot& now);

    /// Of the number at a JSON pointer into `stats`.
    [[nodiscard]] double of_stats(const std::string& pointer) const;

    /// From a count then, if it is known, to one now.
    [[nodiscard]] double between(std::optional<double> then, double now) const;

    /// What was there before, or null.
    [[nodiscard]] const snapshot* before() const noexcept { return before_; }
    [[nodiscard]] const snapshot& now() const noexcept { return now_; }

private:
    const snapshot* before_;
    const snapshot& now_;
    double seconds_;
};

}  // namespace gatherd::cli::top
