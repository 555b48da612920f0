#include "api/plan/evaluate/evaluate.hpp"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "api/plan/evaluate/call.hpp"
#include "api/plan/evaluate/child_tasks.hpp"
#include "api/plan/evaluate/program.hpp"
#include "api/plan/model/failure.hpp"
#include "api/plan/model/truth.hpp"
#include "gatherd/executor/as_completed.hpp"
#include "gatherd/executor/sleep.hpp"
#include "gatherd/executor/timeout.hpp"

namespace gatherd::api::plan {

using executor::cancelled_error, executor::task, executor::task_ref;

task<outcome> evaluate_if(const if_node& n, environment_ptr names, program& p) {
    outcome condition = co_await evaluate(*n.condition, names, p);
    if (!condition.has_value()) {
        co_return condition;
    }
    const node* const side = is_true(condition.result()) ? n.then : n.otherwise;
    if (side == nullptr) {
        co_return value(nullptr);
    }
    condition = {};
    co_return co_await evaluate(*side, std::move(names), p);
}

namespace {

/// The children of an `any` that have been started.
///
/// Cost: a step a child, however long the others run.
struct starting {
    std::vector<child_handle> tasks{};
    executor::completions<outcome> ends{{}, std::nullopt};
    std::size_t begun = 0;  // tasks before it have

    void add(task<outcome> child) {
        tasks.push_back(begin_task(std::move(child)));
        ends.add(tasks.back());
    }
};

task<child_handle> first_end(executor::completions<outcome>& ends) {
    co_return co_await ends.next();
}

/// `asyncio.wait(running, timeout=stagger, return_when=FIRST_COMPLETED)`, then the ends that have come: whether one of
/// them is a success. Raises cancelled_error.
task<bool> has_success(starting& s, std::optional<std::chrono::nanoseconds> stagger) {
    child_handle ended;
    if (stagger && stagger->count() <= 0) {
        co_await executor::yield();
    } else if (s.ends.remaining() != 0) {
        auto next = [&s](executor::timeout_scope&) { return first_end(s.ends); };
        try {
            ended = co_await executor::timeout(stagger, next);
        } catch (const executor::timeout_error&) {  // another one starts
        }
    }
    for (; s.begun < s.tasks.size(); ++s.begun) {
        while (!has_begun(s.tasks[s.begun])) {
            co_await executor::yield();
        }
    }
    bool found = ended && !ended.failed();
    while (child_handle more = s.ends.try_next()) {
        found = found || !more.failed();
    }
    co_return found;
}

/// The first in the list that has succeeded. Precondition: one has.
outcome first_success(const any_node& n, std::vector<child_handle>& started) {
    std::size_t i = 0;
    while (!started[i].done() || started[i].failed()) {
        ++i;
    }
    return outcome_of(std::exchange(started[i], {}), {n.children[i]});
}

outcome all_failures(const any_node& n, const std::vector<child_handle>& started, program& p) {
    std::vector<failure_ptr> errors;
    errors.reserve(started.size());
    for (std::size_t i = 0; i < started.size(); ++i) {
        errors.push_back(outcome_of(started[i], {n.children[i]}).reason());
    }
    return raise_group("no task succeeded", {&n}, std::move(errors), p);
}

}  // namespace

task<outcome> evaluate_any(const any_node& n, environment_ptr names, program& p) {
    if (n.children.empty()) {
        co_return failure{"ValueError", "any of no tasks", {&n}};
    }
    starting s;
    s.tasks.reserve(n.children.size());
    std::optional<outcome> result;
    std::uint64_t request = 0;  // that this task was cancelled by
    try {
        while (!result) {
            // With a stagger one more: that before it has failed, or has had its time.
            const std::size_t wanted = n.stagger ? std::min(s.tasks.size() + 1, n.children.size()) : n.children.size();
            while (s.tasks.size() < wanted) {
                s.add(evaluate(*n.children[s.tasks.size()], names, p));
            }
            const bool are_all_started = s.tasks.size() == n.children.size();
            if (co_await has_success(s, are_all_started ? std::nullopt : n.stagger)) {
                result = first_success(n, s.tasks);
            } else if (are_all_started && s.ends.remaining() == 0) {
                result = all_failures(n, s.tasks, p);
            }
        }
    } catch (const cancelled_error& e) {
        result = cancelled_at({&n}, e);
        request = e.request();
    }
    if (auto cancelled = co_await cancel_and_wait(std::move(s.tasks), {&n}, request)) {
        co_return *std::move(cancelled);
    }
    co_return *std::move(result);
}

}  // namespace gatherd::api::plan
