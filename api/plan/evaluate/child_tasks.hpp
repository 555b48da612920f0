/// \file
/// Tasks that a node starts beside itself, and those that names stand for.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "api/plan/model/failure.hpp"
#include "api/plan/model/node.hpp"
#include "gatherd/executor/create_task.hpp"
#include "gatherd/executor/task.hpp"

namespace gatherd::api::plan {

class environment;

/// Shared: a task that a failed gather left running may look a name up after its let has been left.
using environment_ptr = std::shared_ptr<environment>;

/// The tasks that one `let` named, or the value that one name stands for, and the names around it: an error that an
/// `except` named, or an item of a map.
///
/// Threads: a slot is written once, before any task that may read it is created.
class environment {
public:
    environment(environment_ptr outer, std::size_t slots)
        : outer_{std::move(outer)}, tasks_(slots), cancellations_taken_(slots) {}
    environment(environment_ptr outer, std::shared_ptr<const value> named)
        : outer_{std::move(outer)}, named_value_{std::move(named)} {}

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

    /// Of an `except ... as` or an item: what it names is no task.
    [[nodiscard]] bool names_value() const noexcept { return named_value_ != nullptr; }
    [[nodiscard]] const std::shared_ptr<const value>& named_value() const noexcept { return named_value_; }

private:
    environment_ptr outer_;
    std::vector<executor::task_handle<outcome>> tasks_;
    std::vector<std::atomic<bool>> cancellations_taken_;
    std::shared_ptr<const value> named_value_;  // shared with the list that it is an item of
};

class program;

using child_handle = executor::task_handle<outcome>;

/// Throws memory_limit_exceeded where there is no memory for one more task of a plan.
void check_memory_for_task();

/// Creates a task of a plan. Throws memory_limit_exceeded where there is no memory for it. What it ends by needs no
/// reader: only want of memory comes out of an evaluation as an exception.
[[nodiscard]] child_handle begin_task(executor::task<outcome> evaluation);

/// Without the empty handles.
[[nodiscard]] std::vector<executor::task_ref> refs_to(const std::vector<child_handle>& handles);

/// A task for each child of a list, in order.
[[nodiscard]] std::vector<child_handle> start_children(const list_node& n, const environment_ptr& names, program& p);

/// Whether a child has run to its first wait, or there is none.
[[nodiscard]] bool has_begun(const child_handle& child);

/// Until all of them have begun. In asyncio they have before their creator hears of any. Raises cancelled_error.
[[nodiscard]] executor::task<> all_begun(const std::vector<child_handle>& tasks);

/// `await asyncio.gather(*tasks, return_exceptions=True)` after cancelling them. Gives the failure if the awaiting task
/// is cancelled meanwhile. `request`: see executor::cancel_and_wait.
[[nodiscard]] executor::task<std::optional<outcome>> cancel_and_wait(std::vector<child_handle> tasks, place where,
                                                                     std::uint64_t request = 0);

/// What a task that evaluated a node has ended with; one that was cancelled before its first step, or ran out of
/// memory, has an exception instead of an outcome of its own. `where`: the node.
[[nodiscard]] outcome outcome_of(const child_handle& ended, place where);

/// The same for who has made the task, and given it to nobody: the result is moved out.
[[nodiscard]] outcome outcome_of(child_handle&& ended, place where);

/// Whether it has ended with a value that takes long to copy or to destroy.
[[nodiscard]] bool has_large_result(const child_handle& child);

/// The task that a ref names, where `wait`, `wait_for` and `shield` take it as itself; else none.
[[nodiscard]] child_handle named_task(const node& n, const environment_ptr& names);

/// That, or a new task.
[[nodiscard]] child_handle named_or_new(const node& n, const environment_ptr& names, program& p);

/// A CancelledError whose message is not passed on.
[[nodiscard]] outcome without_message(const failure& cancellation);

/// What awaiting a named task gives: of its CancelledError the first one to await it gets the message.
[[nodiscard]] outcome outcome_of_named(environment& scope, std::uint32_t slot, place where);

/// What awaiting a child gives, a named task or one of its own.
[[nodiscard]] outcome outcome_of_child(const node& n, const environment_ptr& names, const child_handle& ended);

}  // namespace gatherd::api::plan
