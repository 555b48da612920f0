#include "api/plan/evaluate/evaluate.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "api/plan/evaluate/call.hpp"
#include "api/plan/evaluate/child_tasks.hpp"
#include "api/plan/evaluate/program.hpp"
#include "api/plan/model/failure.hpp"
#include "gatherd/executor/sleep.hpp"
#include "gatherd/executor/wait.hpp"

namespace gatherd::api::plan {

using executor::cancelled_error, executor::task, executor::task_ref;

outcome raise_group(std::string message, place where, std::vector<failure_ptr> errors, program& p) {
    failure group = group_failure(std::move(message), where, std::move(errors));
    if (described_bytes(group) > p.bounds().result_bytes) {
        p.exceed("limits.result_bytes");
        return failure{"CancelledError", "", where};
    }
    constexpr std::size_t levels_a_group = 2;  // an object, and the list of its errors
    if (group.group_depth * levels_a_group > p.bounds().depth) {
        return failure{"RecursionError", "the error is nested deeper than limits.depth", where};
    }
    return group;
}

namespace {

/// Notes that a child has ended: `ended` has their order.
task<outcome> noting_its_end(task<outcome> child, std::size_t index, std::shared_ptr<std::vector<std::size_t>> ended) {
    outcome result = co_await std::move(child);
    ended->push_back(index);
    co_return result;
}

/// Starts the children. Of a seeded program, where they run one at a time, gives the order in which they end; else they
/// may end at the same time, and it is null.
std::shared_ptr<std::vector<std::size_t>> start_noting(std::vector<child_handle>& children, const list_node& n,
                                                       const environment_ptr& names, program& p) {
    if (!p.is_seeded()) {
        children = start_children(n, names, p);
        return nullptr;
    }
    auto ended = std::make_shared<std::vector<std::size_t>>();
    ended->reserve(n.children.size());
    for (std::size_t i = 0; i < n.children.size(); ++i) {
        children.push_back(begin_task(noting_its_end(evaluate(*n.children[i], names, p), i, ended)));
    }
    return ended;
}

}  // namespace

task<outcome> evaluate_task_group(const list_node& n, environment_ptr names, program& p) {
    std::vector<child_handle> children;
    const auto in_order = start_noting(children, n, names, p);
    std::vector<task_ref> running = refs_to(children);
    std::vector<char> is_counted(children.size());
    std::vector<failure_ptr> errors;
    std::optional<outcome> own_cancellation;
    bool is_aborting = false;
    while (!running.empty()) {
        bool must_abort = false;
        std::uint64_t request = 0;  // that this task was cancelled by
        try {
            co_await executor::wait(
                running, is_aborting ? executor::return_when::all_completed : executor::return_when::first_exception);
            co_await all_begun(children);
        } catch (const cancelled_error& e) {
            if (!is_aborting) {
                own_cancellation = cancelled_at({&n}, e);
                must_abort = true;
                request = e.request();
            }
        }
        const std::size_t noted = in_order == nullptr ? 0 : in_order->size();
        for (std::size_t looked_at = 0; looked_at < noted + children.size(); ++looked_at) {
            const std::size_t i = looked_at < noted ? (*in_order)[looked_at] : looked_at - noted;
            if (!children[i].done() || std::exchange(is_counted[i], char{1}) != 0 || !children[i].failed()) {
                continue;
            }
            const outcome ended = outcome_of(children[i], {n.children[i]});
            if (!ended.reason()->is_cancellation()) {
                errors.push_back(ended.reason());
                must_abort = true;
            }
        }
        if (must_abort && !std::exchange(is_aborting, true)) {
            executor::task_state::cancel_each(refs_to(children), {}, request);
        }
        std::erase_if(running, [](const task_ref& each) { return each->ended(); });
    }
    if (!errors.empty()) {
        co_return raise_group("unhandled errors in a TaskGroup", {&n}, std::move(errors), p);
    }
    if (own_cancellation) {
        co_return *std::move(own_cancellation);
    }
    outcome results = value::array();
    for (std::size_t i = 0; i < children.size(); ++i) {
        outcome ended = outcome_of(std::exchange(children[i], {}), {n.children[i]});
        if (!ended.has_value()) {
            co_return ended;
        }
        results.result().push_back(std::move(ended.result()));
    }
    co_return results;
}

task<outcome> evaluate_race(const list_node& n, environment_ptr names, program& p) {
    if (n.children.empty()) {
        co_return failure{"ValueError", "Set of Tasks/Futures is empty.", {&n}};
    }
    const std::vector<child_handle> children = start_children(n, names, p);
    std::optional<outcome> result;
    std::uint64_t request = 0;
    try {
        co_await executor::wait(refs_to(children), executor::return_when::first_completed);
        co_await all_begun(children);
    } catch (const cancelled_error& e) {
        result = cancelled_at({&n}, e);
        request = e.request();
    }
    for (std::size_t i = 0; i < children.size() && !result; ++i) {
        if (children[i].done()) {
            result = outcome_of(child_handle{children[i]}, {n.children[i]});
        }
    }
    if (auto cancelled = co_await cancel_and_wait(children, {&n}, request)) {
        co_return *std::move(cancelled);
    }
    co_return *std::move(result);
}

task<outcome> evaluate_wait(const wait_node& n, environment_ptr names, program& p) {
    if (n.children.empty()) {
        co_return failure{"ValueError", "Set of Tasks/Futures is empty.", {&n}};
    }
    std::vector<child_handle> children;
    std::vector<char> is_named;
    for (const node* each : n.children) {
        is_named.push_back(named_task(*each, names) ? 1 : 0);
        children.push_back(named_or_new(*each, names, p));
    }
    try {
        if (n.timeout && n.timeout->count() <= 0) {
            co_await all_begun(children);
            co_await executor::yield();  // a child that only lets others run goes on once
        } else {
            co_await executor::wait(refs_to(children), n.when, n.timeout);
            co_await all_begun(children);
        }
    } catch (const cancelled_error& e) {
        co_return cancelled_at({&n}, e);
    }
    outcome done = value::array();
    value pending = value::array();
    for (std::size_t i = 0; i < children.size(); ++i) {
        if (!children[i].done()) {
            pending.push_back(i);
            continue;
        }
        value entry = {{"index", i}};
        outcome ended;
        if (is_named[i] == 0) {
            ended = outcome_of(std::move(children[i]), {n.children[i]});
        } else if (!children[i].failed()) {
            ended = co_await evaluate_ref(static_cast<const ref_node&>(*n.children[i]), names, p);
            if (!ended.has_value()) {  // it was cancelled while it copied a large one, or it is nested too deep
                co_return ended;
            }
        } else {
            ended = outcome_of(children[i], {n.children[i]});
        }
        fill_entry(entry, std::move(ended));
        done.result().push_back(std::move(entry));
    }
    value result = value::object();
    result.get_ref<value::object_t&>().reserve(2);  // an ordered_map that grows copies what it has
    result["done"] = std::move(done.result());
    result["pending"] = std::move(pending);
    co_return result;
}

}  // namespace gatherd::api::plan
