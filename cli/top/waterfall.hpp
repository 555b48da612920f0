/// \file
/// The nodes of one created task, each with its times, below the node that started them.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "gatherd/api/value.hpp"

namespace gatherd::cli::top {

struct node_row {
    std::size_t depth = 0;
    std::string label{};  ///< its kind, the function that it calls, and in a map the indices of its items
    std::string state{};
    std::string path{};
    std::string error{};  ///< "ValueError: boom"
    double arguments_bytes = 0;
    std::optional<double> queued{};  ///< seconds since the program began, as the next
    std::optional<double> started{};
    std::optional<double> ended{};
};

struct waterfall {
    std::string id{};
    std::string name{};
    std::string state{};
    double seconds = 0;  ///< how long the program has taken so far
    std::vector<node_row> nodes{};
    double not_recorded = 0;
    bool has_nodes = false;  ///< false: the daemon tells of the task as a whole only
};

/// Of what method status answered. `wall`: Unix seconds now, for a task that runs. Takes any JSON.
[[nodiscard]] waterfall make_waterfall(const api::value& status, double wall);

/// A node's time in so many columns, of a program that has taken `seconds`: `.` it waited for its turn, `=` it ran, and
/// at its end `!` where it failed, `x` where it was cancelled.
[[nodiscard]] std::string bar(const node_row& node, double seconds, std::size_t columns);

}  // namespace gatherd::cli::top
