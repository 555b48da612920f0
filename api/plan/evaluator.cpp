#include "api/plan/evaluator.hpp"

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "api/json/json_writer.hpp"
#include "api/plan/call.hpp"
#include "api/plan/program.hpp"
#include "executor/admission_line.hpp"
#include "executor/create_task.hpp"
#include "executor/sleep.hpp"
#include "executor/wait.hpp"
#include "executor/wait_for.hpp"

namespace gatherd::api::plan {
namespace {

using executor::cancelled_error, executor::task, executor::task_ref;
using child_handle = executor::task_handle<outcome>;

/// After so many instant children in a row a gather lets others run: some tens of microseconds.
constexpr std::size_t children_in_a_row = 256;

/// `{"value": V}` or `{"error": ERROR}`.
value settled(outcome result) {
    value entry = value::object();
    if (result.has_value()) {
        entry["value"] = std::move(result.result());
    } else {
        entry["error"] = describe(*result.reason());
    }
    return entry;
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

/// `await asyncio.gather(*tasks, return_exceptions=True)` after cancelling them. Gives the failure if the awaiting task
/// is cancelled meanwhile.
task<std::optional<outcome>> cancel_and_wait(std::vector<child_handle> tasks, place where) {
    std::vector<task_ref> running = refs_to(tasks);
    executor::task_state::cancel_each(running, {});
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

// ---- gather and map --------------------------------------------------------------------------

/// One child of a gather or map, whichever it is.
struct family {
    const node& parent;
    std::size_t size;
    const gather_options& options;

    [[nodiscard]] bool is_map() const { return parent.is == kind::map; }
    [[nodiscard]] const map_node& map() const { return static_cast<const map_node&>(parent); }
    [[nodiscard]] const list_node& list() const { return static_cast<const list_node&>(parent); }

    [[nodiscard]] bool is_instant(std::size_t i) const {
        return parent.is_instant || (!is_map() && list().children[i]->is_instant);
    }
    [[nodiscard]] place place_of(std::size_t i) const {
        return is_map() ? place{&parent, static_cast<std::uint32_t>(i)} : place{list().children[i]};
    }
    [[nodiscard]] outcome now(std::size_t i, program& p) const {
        return is_map() ? call_now(*map().callee, map().over[i].bound, place_of(i), p)
                        : evaluate_instant(*list().children[i], p);
    }
    [[nodiscard]] task<outcome> later(std::size_t i, environment_ptr names, program& p) const {
        return is_map() ? evaluate_call({*map().callee, map().over[i], place_of(i)}, std::move(names), p)
                        : evaluate(*list().children[i], std::move(names), p);
    }
};

family family_of(const node& n) {
    if (n.is == kind::map) {
        const auto& map = static_cast<const map_node&>(n);
        return {n, map.over.size(), map.options};
    }
    const auto& list = static_cast<const list_node&>(n);
    return {n, list.children.size(), list.options};
}

/// `async with gate: return await child`
task<outcome> admitted(executor::admission_line::place in_line, task<outcome> child, place where) {
    try {
        co_await in_line.enter();
    } catch (const cancelled_error& e) {
        co_return cancelled_at(where, e);
    }
    co_return co_await std::move(child);
}

/// Tells the observer of each child's end, as it comes.
task<outcome> observed(task<outcome> child, std::size_t index, program& p) {
    outcome result = co_await std::move(child);
    p.observer().child_ended(index, result);
    co_return result;
}

/// A gather in progress.
struct gathering {
    std::vector<outcome> results;     // of those that needed no task; none where all did
    std::vector<child_handle> tasks;  // empty handles where a child needed none
    failure_ptr first_failure{};      // of those that needed no task
};

value collect(gathering g, const family& of) {
    value list = value::array();
    auto& items = list.get_ref<value::array_t&>();
    items.reserve(of.size);
    for (std::size_t i = 0; i < of.size; ++i) {
        outcome result =
            g.tasks.empty() || !g.tasks[i] ? std::move(g.results[i]) : outcome_of(g.tasks[i], of.place_of(i));
        items.push_back(of.options.return_exceptions ? settled(std::move(result)) : std::move(result.result()));
    }
    return list;
}

/// `await asyncio.gather(*children, return_exceptions=...)`, each child inside a semaphore where there is a limit.
///
/// A child that cannot wait is evaluated on the spot instead of in a task of its own; not in a seeded program, whose
/// tasks take turns exactly as asyncio's do.
task<outcome> evaluate_gather(const node& n, environment_ptr names, program& p) {
    const family children = family_of(n);
    const bool is_watched = &n == &p.what().root() && p.observer().wants_children();
    const bool at_once = !p.is_seeded() && (children.options.limit == 0 || n.is_instant);
    // Shared, since children that a failed gather leaves running still use it.
    const auto line = at_once || children.options.limit == 0
                          ? nullptr
                          : std::make_shared<executor::admission_line>(children.size, children.options.limit);
    gathering g;
    std::size_t in_a_row = 0;
    for (std::size_t i = 0; i < children.size; ++i) {
        if (!at_once || !children.is_instant(i)) {
            if (g.tasks.empty()) {
                g.tasks.resize(children.size);
            }
            task<outcome> child = children.later(i, names, p);
            if (line != nullptr) {
                child = admitted(executor::admission_line::place{line, i}, std::move(child), children.place_of(i));
            }
            if (is_watched) {
                child = observed(std::move(child), i, p);
            }
            g.tasks[i] = executor::create_task(std::move(child));
            continue;
        }
        if (g.results.empty()) {
            g.results.resize(children.size);
        }
        g.results[i] = children.now(i, p);
        if (is_watched) {
            p.observer().child_ended(i, g.results[i]);
        }
        if (!g.results[i].has_value() && g.first_failure == nullptr && !children.options.return_exceptions) {
            g.first_failure = g.results[i].reason();
        }
        if (++in_a_row % children_in_a_row == 0) {
            try {
                co_await executor::yield();
            } catch (const cancelled_error& e) {
                executor::task_state::cancel_each(refs_to(g.tasks), {});
                co_return cancelled_at({&n}, e);
            }
        }
    }
    if (g.first_failure != nullptr) {
        co_return g.first_failure;
    }
    if (!g.tasks.empty()) {
        const auto when = children.options.return_exceptions ? executor::return_when::all_completed
                                                             : executor::return_when::first_failure;
        try {
            const auto ended = co_await executor::wait_as_gather(refs_to(g.tasks), when);
            if (children.options.return_exceptions) {
                if (ended.cancel_requested) {
                    co_return cancelled_at({&n}, cancelled_error{});
                }
            } else if (ended.decisive->failed()) {
                for (std::size_t i = 0; i < children.size; ++i) {
                    if (g.tasks[i] && g.tasks[i].ref().get() == ended.decisive.get()) {
                        co_return outcome_of(g.tasks[i], children.place_of(i));
                    }
                }
            }
        } catch (const cancelled_error& e) {
            co_return cancelled_at({&n}, e);
        }
    }
    co_return collect(std::move(g), children);
}

// ---- groups with other rules -------------------------------------------------------------------

std::vector<child_handle> start_children(const list_node& n, const environment_ptr& names, program& p) {
    std::vector<child_handle> children;
    children.reserve(n.children.size());
    for (const node* each : n.children) {
        children.push_back(executor::create_task(evaluate(*each, names, p)));
    }
    return children;
}

/// `async with asyncio.TaskGroup() as tg: ...`, then the results: CPython's asyncio/taskgroups.py, with the parent
/// waiting in __aexit__ from the beginning.
task<outcome> evaluate_task_group(const list_node& n, environment_ptr names, program& p) {
    const std::vector<child_handle> children = start_children(n, names, p);
    std::vector<task_ref> running = refs_to(children);
    std::vector<char> is_counted(children.size());
    std::vector<failure_ptr> errors;
    std::optional<outcome> own_cancellation;
    bool is_aborting = false;
    while (!running.empty()) {
        bool must_abort = false;
        try {
            co_await executor::wait(
                running, is_aborting ? executor::return_when::all_completed : executor::return_when::first_exception);
        } catch (const cancelled_error& e) {
            if (!is_aborting) {
                own_cancellation = cancelled_at({&n}, e);
                must_abort = true;
            }
        }
        for (std::size_t i = 0; i < children.size(); ++i) {
            if (!children[i].done() || std::exchange(is_counted[i], char{1}) != 0) {
                continue;
            }
            const outcome ended = outcome_of(children[i], {n.children[i]});
            if (!ended.has_value() && !ended.reason()->is_cancellation()) {
                errors.push_back(ended.reason());
                must_abort = true;
            }
        }
        if (must_abort && !std::exchange(is_aborting, true)) {
            executor::task_state::cancel_each(refs_to(children), {});
        }
        std::erase_if(running, [](const task_ref& each) { return each->ended(); });
    }
    if (!errors.empty()) {
        failure group{"ExceptionGroup", "unhandled errors in a TaskGroup", {&n}, std::move(errors), true};
        co_return std::move(group);
    }
    if (own_cancellation) {
        co_return *std::move(own_cancellation);
    }
    value results = value::array();
    for (std::size_t i = 0; i < children.size(); ++i) {
        outcome ended = outcome_of(children[i], {n.children[i]});
        if (!ended.has_value()) {
            co_return ended;
        }
        results.push_back(std::move(ended.result()));
    }
    co_return results;
}

/// `done, _ = await asyncio.wait(tasks, return_when=FIRST_COMPLETED)`; `finally`: cancel all and await them.
task<outcome> evaluate_race(const list_node& n, environment_ptr names, program& p) {
    if (n.children.empty()) {
        co_return failure{"ValueError", "Set of Tasks/Futures is empty.", {&n}};
    }
    const std::vector<child_handle> children = start_children(n, names, p);
    std::optional<outcome> result;
    try {
        co_await executor::wait(refs_to(children), executor::return_when::first_completed);
    } catch (const cancelled_error& e) {
        result = cancelled_at({&n}, e);
    }
    for (std::size_t i = 0; i < children.size() && !result; ++i) {
        if (children[i].done()) {
            result = outcome_of(children[i], {n.children[i]});
        }
    }
    if (auto cancelled = co_await cancel_and_wait(children, {&n})) {
        co_return *std::move(cancelled);
    }
    co_return *std::move(result);
}

/// The task that a ref names, where `wait`, `wait_for` and `shield` take it as itself; else none.
child_handle named_task(const node& n, const environment_ptr& names) {
    if (n.is != kind::ref) {
        return {};
    }
    const auto& ref = static_cast<const ref_node&>(n);
    environment& scope = names->outwards(ref.levels);
    return scope.names_error() ? child_handle{} : scope.tasks()[ref.slot];
}

child_handle named_or_new(const node& n, const environment_ptr& names, program& p) {
    child_handle named = named_task(n, names);
    return named ? named : executor::create_task(evaluate(n, names, p));
}

/// `done, pending = await asyncio.wait(tasks, timeout=..., return_when=...)`
task<outcome> evaluate_wait(const wait_node& n, environment_ptr names, program& p) {
    if (n.children.empty()) {
        co_return failure{"ValueError", "Set of Tasks/Futures is empty.", {&n}};
    }
    std::vector<child_handle> children;
    for (const node* each : n.children) {
        children.push_back(named_or_new(*each, names, p));
    }
    try {
        if (n.timeout && n.timeout->count() <= 0) {
            // Each child runs to its first wait before time is up.
            while (std::any_of(children.begin(), children.end(),
                               [](const child_handle& each) { return !each.ref()->has_waited(); })) {
                co_await executor::yield();
            }
        } else {
            co_await executor::wait(refs_to(children), n.when, n.timeout);
        }
    } catch (const cancelled_error& e) {
        co_return cancelled_at({&n}, e);
    }
    value done = value::array();
    value pending = value::array();
    for (std::size_t i = 0; i < children.size(); ++i) {
        if (!children[i].done()) {
            pending.push_back(i);
            continue;
        }
        outcome ended = outcome_of(children[i], {n.children[i]});
        value entry = {{"index", i}};
        if (ended.has_value()) {
            entry["value"] = std::move(ended.result());
        } else if (ended.reason()->is_cancellation()) {
            entry["error"] = {{"type", "CancelledError"}, {"message", ""}};
        } else {
            entry["error"] = describe(*ended.reason());
        }
        done.push_back(std::move(entry));
    }
    value result = {{"done", std::move(done)}, {"pending", std::move(pending)}};
    co_return result;
}

// ---- one around another ------------------------------------------------------------------------

/// `[await child for child in children]`
task<outcome> evaluate_sequence(const list_node& n, environment_ptr names, program& p) {
    value results = value::array();
    for (const node* each : n.children) {
        outcome result;
        if (each->is_instant) {  // no conditional expression: g++ 12 destroys what an await in one gives twice
            result = evaluate_instant(*each, p);
        } else {
            result = co_await evaluate(*each, names, p);
        }
        if (!result.has_value()) {
            co_return result;
        }
        results.push_back(std::move(result.result()));
    }
    co_return results;
}

/// `await asyncio.wait_for(task, timeout)`
task<outcome> evaluate_wait_for(const inner_node& n, environment_ptr names, program& p) {
    if (!n.timeout) {
        co_return co_await evaluate(*n.inner, names, p);
    }
    child_handle inner = named_task(*n.inner, names);
    try {
        if (!inner && n.timeout->count() <= 0) {
            co_await executor::yield();  // its task would be cancelled before its first step
            co_return failure{"TimeoutError", "", {&n}};
        }
        if (!inner) {
            inner = executor::create_task(evaluate(*n.inner, names, p));
        }
        const bool in_time = co_await executor::end_within(inner.ref(), *n.timeout);
        outcome ended = outcome_of(inner, {n.inner});
        if (!in_time && !ended.has_value() && ended.reason()->is_cancellation()) {
            co_return failure{"TimeoutError", "", {&n}};
        }
        co_return ended;
    } catch (const cancelled_error& e) {
        co_return cancelled_at({&n}, e);
    }
}

/// `await asyncio.shield(task)`
task<outcome> evaluate_shield(const inner_node& n, environment_ptr names, program& p) {
    const child_handle inner = named_or_new(*n.inner, names, p);
    try {
        co_await executor::wait(inner.ref());
    } catch (const cancelled_error& e) {
        co_return cancelled_at({&n}, e);
    }
    co_return outcome_of(inner, {n.inner});
}

/// `await name`
task<outcome> evaluate_ref(const ref_node& n, environment_ptr names, program& p) {
    environment& scope = names->outwards(n.levels);
    if (scope.names_error()) {
        co_return scope.error();
    }
    const child_handle named = scope.tasks()[n.slot];
    outcome result;
    try {
        co_await executor::await_end(named.ref());
        result = outcome_of(named, {&n});
    } catch (const cancelled_error& e) {
        co_return cancelled_at({&n}, e);
    }
    if (!result.has_value()) {
        co_return result;
    }
    switch (measure_of(result.result(), p.bounds().depth, p.bounds().result_bytes)) {
        case measure::fits:
            break;
        case measure::too_deep:
            co_return failure{"RecursionError", "the result is nested deeper than limits.depth", {&n}};
        case measure::too_large:
            p.exceed("limits.result_bytes");
            co_return failure{"CancelledError", "", {&n}};
    }
    co_return result;
}

/// `create_task` for each name in order, then the body; `finally`: cancel those that still run and await them.
task<outcome> evaluate_let(const let_node& n, environment_ptr names, program& p) {
    const auto inner = std::make_shared<environment>(names, n.tasks.size());
    for (std::size_t i = 0; i < n.tasks.size(); ++i) {
        inner->tasks()[i] = executor::create_task(evaluate(*n.tasks[i], inner, p));
    }
    outcome result = co_await evaluate(*n.body, inner, p);
    if (auto cancelled = co_await cancel_and_wait(inner->tasks(), {&n})) {
        co_return *std::move(cancelled);
    }
    co_return result;
}

bool catches(const try_node& n, const failure& f) {
    if (n.types.empty()) {
        return !f.is_cancellation();
    }
    return std::find(n.types.begin(), n.types.end(), f.type) != n.types.end();
}

/// `try: ... except types as name: ... finally: ...`
task<outcome> evaluate_try(const try_node& n, environment_ptr names, program& p) {
    outcome result = co_await evaluate(*n.body, names, p);
    if (!result.has_value() && n.handler != nullptr && catches(n, *result.reason())) {
        const environment_ptr inner =
            n.names_error ? std::make_shared<environment>(names, describe(*result.reason())) : names;
        result = co_await evaluate(*n.handler, inner, p);
    }
    if (n.finalizer != nullptr) {
        outcome last = co_await evaluate(*n.finalizer, names, p);
        if (!last.has_value()) {
            co_return last;
        }
    }
    co_return result;
}

/// `for attempt in range(attempts): try: return await inner`, with a sleep between.
task<outcome> evaluate_retry(const retry_node& n, environment_ptr names, program& p) {
    double delay = n.delay;
    for (std::uint64_t attempt = 1;; ++attempt) {
        outcome result = co_await evaluate(*n.inner, names, p);
        if (result.has_value() || result.reason()->is_cancellation() || attempt == n.attempts) {
            co_return result;
        }
        try {
            co_await executor::sleep(to_duration(n.max_delay ? std::min(delay, *n.max_delay) : delay));
        } catch (const cancelled_error& e) {
            co_return cancelled_at({&n}, e);
        }
        delay *= n.factor;
    }
}

// ---- results straight to text ------------------------------------------------------------------

failure_ptr append_outcome(std::string& text, const outcome& result) {
    if (!result.has_value()) {
        return result.reason();
    }
    json::append_value(text, result.result());
    return nullptr;
}

/// The entry of a gather with return_exceptions, of which the result stands at the end of the text, behind its head.
void settle_text(std::string& text, std::size_t entry, const failure_ptr& failed) {
    if (failed != nullptr) {
        text.resize(entry);
        text += R"({"error":)";
        json::append_value(text, describe(*failed));
    }
    text += '}';
}

/// As evaluate_instant: all children of a gather or map run, those of a sequence up to the first that fails.
failure_ptr append_instant_family(std::string& text, const family& children, call_context& context) {
    const std::size_t begin = text.size();
    failure_ptr first_failure;
    text += '[';
    for (std::size_t i = 0; i < children.size; ++i) {
        if (i != 0) {
            text += ',';
        }
        const std::size_t entry = text.size();
        if (children.options.return_exceptions) {
            text += R"({"value":)";
        }
        failure_ptr failed = children.is_map()
                                 ? append_outcome(text, call_now(*children.map().callee, children.map().over[i].bound,
                                                                 children.place_of(i), context))
                                 : append_instant(text, *children.list().children[i], context);
        if (children.options.return_exceptions) {
            settle_text(text, entry, failed);
        } else if (failed != nullptr && first_failure == nullptr) {
            first_failure = std::move(failed);
            if (children.parent.is == kind::sequence) {
                break;
            }
        }
    }
    text += ']';
    if (first_failure != nullptr) {
        text.resize(begin);
    }
    return first_failure;
}

task<outcome> evaluate_value(const node& n, program& p) {
    co_return evaluate_instant(n, p);
}

}  // namespace

outcome outcome_of(const child_handle& ended, place where) {
    if (ended.exception() == nullptr) {
        return ended.result();
    }
    try {
        std::rethrow_exception(ended.exception());
    } catch (const cancelled_error& e) {
        return cancelled_at(where, e);
    } catch (const std::exception& e) {  // out of memory, in the middle of an evaluation
        return failure{"MemoryError", e.what(), where};
    }
}

outcome evaluate_instant(const node& n, program& p) {
    if (n.is == kind::value) {
        return *static_cast<const value_node&>(n).constant;
    }
    if (n.is == kind::call) {
        const auto& call = static_cast<const call_node&>(n);
        return call_now(*call.callee, call.arguments.bound, {&n}, p);
    }
    const family children = family_of(n);  // gather, map or sequence of such
    gathering g;
    g.results.resize(children.size);
    for (std::size_t i = 0; i < children.size; ++i) {
        g.results[i] = children.now(i, p);
        if (g.results[i].has_value() || children.options.return_exceptions) {
            continue;
        }
        if (n.is == kind::sequence) {
            return g.results[i];
        }
        if (g.first_failure == nullptr) {
            g.first_failure = g.results[i].reason();
        }
    }
    if (g.first_failure != nullptr) {
        return g.first_failure;
    }
    return collect(std::move(g), children);
}

failure_ptr append_instant(std::string& text, const node& n, call_context& context) {
    if (n.is == kind::value) {
        json::append_value(text, *static_cast<const value_node&>(n).constant);
        return nullptr;
    }
    if (n.is == kind::call) {
        const auto& call = static_cast<const call_node&>(n);
        return append_outcome(text, call_now(*call.callee, call.arguments.bound, {&n}, context));
    }
    return append_instant_family(text, family_of(n), context);
}

task<outcome> evaluate(const node& n, environment_ptr names, program& p) {
    switch (n.is) {
        case kind::call: {
            const auto& call = static_cast<const call_node&>(n);
            return evaluate_call({*call.callee, call.arguments, {&n}}, std::move(names), p);
        }
        case kind::value:
            return evaluate_value(n, p);
        case kind::ref:
            return evaluate_ref(static_cast<const ref_node&>(n), std::move(names), p);
        case kind::map:
        case kind::gather:
            return evaluate_gather(n, std::move(names), p);
        case kind::task_group:
            return evaluate_task_group(static_cast<const list_node&>(n), std::move(names), p);
        case kind::wait:
            return evaluate_wait(static_cast<const wait_node&>(n), std::move(names), p);
        case kind::wait_for:
            return evaluate_wait_for(static_cast<const inner_node&>(n), std::move(names), p);
        case kind::race:
            return evaluate_race(static_cast<const list_node&>(n), std::move(names), p);
        case kind::shield:
            return evaluate_shield(static_cast<const inner_node&>(n), std::move(names), p);
        case kind::sequence:
            return evaluate_sequence(static_cast<const list_node&>(n), std::move(names), p);
        case kind::let:
            return evaluate_let(static_cast<const let_node&>(n), std::move(names), p);
        case kind::try_:
            return evaluate_try(static_cast<const try_node&>(n), std::move(names), p);
        case kind::retry:
            return evaluate_retry(static_cast<const retry_node&>(n), std::move(names), p);
        case kind::to_thread: {
            const auto& call = static_cast<const call_node&>(*static_cast<const inner_node&>(n).inner);
            return evaluate_call({*call.callee, call.arguments, {&call}}, std::move(names), p, true);
        }
    }
    std::terminate();  // every kind is above
}

}  // namespace gatherd::api::plan
