#include "api/plan/gathering.hpp"

#include <cstddef>
#include <memory>
#include <utility>
#include <vector>

#include "api/plan/call.hpp"
#include "api/plan/children.hpp"
#include "api/plan/evaluator.hpp"
#include "api/plan/program.hpp"
#include "api/plan/settled.hpp"
#include "executor/admission_line.hpp"
#include "executor/sleep.hpp"
#include "executor/wait.hpp"

namespace gatherd::api::plan {
namespace {

using executor::cancelled_error, executor::task, executor::task_ref;

/// After so many instant children in a row a gather lets others run: some tens of microseconds.
constexpr std::size_t children_in_a_row = 256;

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

/// The failure of the child whose end decided, if that is how it ended.
outcome decisive_outcome(const gathering& g, const family& of, const task_ref& decisive) {
    for (std::size_t i = 0; decisive->failed() && i < of.size; ++i) {
        if (g.tasks[i] && g.tasks[i].ref().get() == decisive.get()) {
            return outcome_of(g.tasks[i], of.place_of(i));
        }
    }
    return {};
}

}  // namespace

task<outcome> evaluate_gather(const node& n, environment_ptr names, program& p) {
    const family children = family_of(n);
    const bool is_watched = &n == &p.what().root() && p.observer().wants_children();
    const bool at_once = !p.is_seeded() && (children.options.limit == 0 || n.is_instant);
    // Shared, since children that a failed gather leaves running still use it.
    const auto line = at_once || children.options.limit == 0
                          ? nullptr
                          : std::make_shared<executor::admission_line>(children.size, children.options.limit);
    gathering g;
    std::size_t begun = 0;     // children before it have
    std::size_t in_a_row = 0;  // evaluated here
    try {
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
            while (!g.tasks.empty() && begun < i) {  // in the order of the list
                if (has_begun(g.tasks[begun])) {
                    ++begun;
                } else {
                    co_await executor::yield();
                }
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
                co_await executor::yield();
            }
        }
        if (g.first_failure != nullptr) {
            co_await all_begun(g.tasks);
        }
    } catch (const cancelled_error& e) {
        executor::task_state::cancel_each(refs_to(g.tasks), {});
        co_return cancelled_at({&n}, e);
    }
    if (g.first_failure != nullptr) {
        co_return g.first_failure;
    }
    if (!g.tasks.empty()) {
        const auto when = children.options.return_exceptions ? executor::return_when::all_completed
                                                             : executor::return_when::first_failure;
        try {
            const auto ended = co_await executor::wait_as_gather(refs_to(g.tasks), when);
            if (ended.cancel_requested || !children.options.return_exceptions) {
                outcome last = decisive_outcome(g, children, ended.decisive);
                if (!last.has_value() && !ended.cancel_requested) {
                    co_await all_begun(g.tasks);
                }
                if (!last.has_value() && (!children.options.return_exceptions || last.reason()->is_cancellation())) {
                    co_return last;
                }
                if (children.options.return_exceptions) {
                    co_return cancelled_at({&n}, cancelled_error{});
                }
            }
        } catch (const cancelled_error& e) {
            co_return cancelled_at({&n}, e);
        }
    }
    co_return collect(std::move(g), children);
}

outcome gather_instant(const node& n, program& p) {
    const family children = family_of(n);
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

failure_ptr append_gather_instant(std::string& text, const node& n, call_context& context) {
    const family children = family_of(n);
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
            append_settled_end(text, entry, failed);
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

}  // namespace gatherd::api::plan
