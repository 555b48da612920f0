#include "api/plan/evaluate/child_tasks.hpp"

#include <utility>

#include "api/plan/evaluate/call.hpp"
#include "api/plan/evaluate/evaluate.hpp"
#include "gatherd/api/memory_limit.hpp"
#include "gatherd/executor/sleep.hpp"
#include "gatherd/executor/wait.hpp"

namespace gatherd::api::plan {

using executor::cancelled_error, executor::task, executor::task_ref;

void check_memory_for_task() {
    constexpr std::size_t bytes_a_task = 512;  // about
    memory_limit::check(bytes_a_task);
}

child_handle begin_task(task<outcome> evaluation) {
    check_memory_for_task();
    child_handle begun = executor::create_task(std::move(evaluation));
    begun.ignore_exception();
    return begun;
}

std::vector<task_ref> refs_to(const std::vector<child_handle>& handles) {
    std::vector<task_ref> refs;
    refs.reserve(handles.size());
    for (const child_handle& each : handles) {
        if (each) {
            refs.push_back(each.ref());
        }
    }
    return refs;
}

task<std::optional<outcome>> cancel_and_wait(std::vector<child_handle> tasks, place where, std::uint64_t request) {
    std::vector<task_ref> running = refs_to(tasks);
    executor::task_state::cancel_each(running, {}, request);
    std::erase_if(running, [](const task_ref& each) { return each->ended(); });
    if (running.empty()) {
        co_return std::nullopt;
    }
    try {
        const auto ended = co_await executor::wait_as_gather(std::move(running), executor::return_when::all_completed);
        if (ended.cancel_requested) {
            co_return cancelled_at(where, cancelled_error{});
        }
    } catch (const cancelled_error& e) {
        co_return cancelled_at(where, e);
    }
    co_return std::nullopt;
}

bool has_begun(const child_handle& child) {
    return !child || child.ref()->has_waited();
}

task<> all_begun(const std::vector<child_handle>& tasks) {
    for (const child_handle& each : tasks) {
        while (!has_begun(each)) {
            co_await executor::yield();
        }
    }
}

std::vector<child_handle> start_children(const list_node& n, const environment_ptr& names, program& p) {
    memory_limit::check(n.children.size() * sizeof(child_handle));
    std::vector<child_handle> children;
    children.reserve(n.children.size());
    for (const node* each : n.children) {
        children.push_back(begin_task(evaluate(*each, names, p)));
    }
    return children;
}

namespace {

/// What a task that ended by an exception gives.
outcome raised_outcome(const child_handle& ended, place where) {
    try {
        std::rethrow_exception(ended.exception());
    } catch (const cancelled_error& e) {
        return cancelled_at(where, e);
    } catch (const memory_limit_exceeded&) {  // the program is over: nothing of it catches this
        return failure{"CancelledError", "", where};
    } catch (const std::exception& e) {  // out of memory, in the middle of an evaluation
        return failure{"MemoryError", e.what(), where};
    }
}

}  // namespace

outcome outcome_of(const child_handle& ended, place where) {
    return ended.exception() == nullptr ? ended.result() : raised_outcome(ended, where);
}

outcome outcome_of(child_handle&& ended, place where) {
    return ended.exception() == nullptr ? ended.take() : raised_outcome(ended, where);
}

child_handle named_task(const node& n, const environment_ptr& names) {
    if (n.is != kind::ref) {
        return {};
    }
    const auto& ref = static_cast<const ref_node&>(n);
    environment& scope = names->outwards(ref.levels);
    return scope.names_value() ? child_handle{} : scope.tasks()[ref.slot];
}

child_handle named_or_new(const node& n, const environment_ptr& names, program& p) {
    child_handle named = named_task(n, names);
    return named ? named : begin_task(evaluate(n, names, p));
}

bool has_large_result(const child_handle& child) {
    return child && child.done() && child.exception() == nullptr && child.result().has_value() &&
           are_large({&child.result().result(), 1});
}

outcome without_message(const failure& cancellation) {
    return failure{cancellation.type, "", cancellation.raised_at, {}, cancellation.items};
}

outcome outcome_of_named(environment& scope, std::uint32_t slot, place where) {
    outcome ended = outcome_of(scope.tasks()[slot], where);
    if (!ended.has_value() && ended.reason()->is_cancellation() && !scope.take_cancellation(slot)) {
        return without_message(*ended.reason());
    }
    return ended;
}

outcome outcome_of_child(const node& n, const environment_ptr& names, const child_handle& ended) {
    if (n.is == kind::ref) {
        const auto& ref = static_cast<const ref_node&>(n);
        environment& scope = names->outwards(ref.levels);
        if (!scope.names_value()) {
            return outcome_of_named(scope, ref.slot, {&n});
        }
    }
    return outcome_of(child_handle{ended}, {&n});
}

}  // namespace gatherd::api::plan
