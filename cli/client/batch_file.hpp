/// \file
/// Decides what a file that someone submits is: a plan, a batch or a method's whole params.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "cli/client/client.hpp"

namespace gatherd::cli {

/// What the command line adds to the params. What it gives goes over what the file says.
struct submit_options {
    std::string members = {};  // as `,"timeout":2.000,"seed":7`
    bool return_exceptions = false;
    bool progress = false;                             // notifications for a progress bar, where the method has them
    std::optional<std::uint64_t> jobs = std::nullopt;  // tasks at a time; only of a batch
    bool streams = false;                              // each result when it comes; only of a batch
};

struct submission {
    request what;
    /// The result is a list in which each element is an object with `value` or `error`.
    bool lists_errors = false;
    /// Results come as notifications.
    bool streams = false;
    /// Seconds, of a "timeout" in the outermost object where that is one of the request.
    std::optional<double> timeout = std::nullopt;
};

/// The request that the text of a file stands for:
///   an array of tasks, or an object with "tasks"      gather
///   an object with "call" and "over"                  map
///   an object with a kind key of a task, or "task"    run
///   several lines, each an object of JSON             gather of them
/// The text goes into the request as it is: numbers keep their spelling, and the daemon's pointers fit the file.
/// Throws usage_error with `name` in front: not JSON (line and column), or none of these.
[[nodiscard]] submission read_batch(std::string_view text, const std::string& name, const submit_options& options);

}  // namespace gatherd::cli
