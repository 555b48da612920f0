/// \file
/// The names that are in force where a node is evaluated.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "api/plan/failure.hpp"
#include "gatherd/executor/create_task.hpp"

namespace gatherd::api::plan {

class environment;

/// Shared: a task that a failed gather left running may look a name up after its let has been left.
using environment_ptr = std::shared_ptr<environment>;

/// The tasks that one `let` named, or the error that one `except` named, and the names around it.
///
/// Threads: a slot is written once, before any task that may read it is created.
class environment {
public:
    environment(environment_ptr outer, std::size_t slots)
        : outer_{std::move(outer)}, tasks_(slots), cancellations_taken_(slots) {}
    environment(environment_ptr outer, value error) : outer_{std::move(outer)}, error_(std::move(error)) {}

    [[nodiscard]] environment& outwards(std::uint32_t levels) noexcept {
        environment* found = this;
        for (; levels > 0; --levels) {
            found = found->outer_.get();
        }
        return *found;
    }

    [[nodiscard]] std::vector<executor::task_handle<outcome>>& tasks() noexcept { return tasks_; }

    /// Whether nobody has yet awaited the CancelledError that this slot's task ended with. Once, for the first to ask.
    [[nodiscard]] bool take_cancellation(std::size_t slot) noexcept {
        return !cancellations_taken_[slot].exchange(true);
    }

    /// Of an `except ... as`: it names the error, and no task.
    [[nodiscard]] bool names_error() const noexcept { return tasks_.empty(); }
    [[nodiscard]] const value& error() const noexcept { return error_; }

private:
    environment_ptr outer_;
    std::vector<executor::task_handle<outcome>> tasks_;
    std::vector<std::atomic<bool>> cancellations_taken_;
    value error_;
};

}  // namespace gatherd::api::plan
