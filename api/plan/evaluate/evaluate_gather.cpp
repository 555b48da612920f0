#include "api/plan/evaluate/evaluate.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "api/plan/evaluate/call.hpp"
#include "api/plan/evaluate/child_list.hpp"
#include "api/plan/evaluate/child_tasks.hpp"
#include "api/plan/evaluate/program.hpp"
#include "api/plan/evaluate/turn.hpp"
#include "api/plan/model/failure.hpp"
#include "gatherd/api/memory_limit.hpp"
#include "gatherd/executor/detail/gathered_tasks.hpp"
#include "gatherd/executor/ordered_semaphore.hpp"
#include "gatherd/executor/sleep.hpp"

namespace gatherd::api::plan {

namespace {

using executor::cancelled_error, executor::task, executor::task_ref;

/// `async with gate: return await child`
task<outcome> admitted(executor::ordered_semaphore::place in_line, task<outcome> child, place where) {
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

/// A gather in progress. Children that cannot wait it evaluates itself, each of the others has a task.
struct gathering {
    explicit gathering(const child_list& children)
        : started{children.size, children.options.return_exceptions ? executor::return_when::all_completed
                                                                    : executor::return_when::first_failure} {}

    /// As begin_task, in the child's place.
    void start(std::size_t child, task<outcome> evaluation) {
        check_memory_for_task();
        started.create(child, std::move(evaluation));
        tasks()[child].ignore_exception();
        has_tasks = true;
    }

    [[nodiscard]] std::vector<child_handle>& tasks() noexcept { return started.tasks(); }

    /// What a child has given; its task is let go of.
    [[nodiscard]] outcome take(std::size_t i, place where) {
        child_handle& task = tasks()[i];
        return task ? outcome_of(std::exchange(task, {}), where) : std::move(results[i]);
    }

    executor::gathered_tasks<outcome> started;
    std::vector<outcome> results{};  // of the children without a task; empty where all have one
    failure_ptr first_failure{};     // of the children without a task
    bool has_tasks = false;
};

/// Evaluates children that are instant by `evaluate(index)`, which gives their failure if they have one: all, or of a
/// sequence up to the first that fails. The first failure, unless failures are results.
template <typename Evaluate>
failure_ptr in_turn(const child_list& children, const Evaluate& evaluate) {
    failure_ptr first_failure;
    for (std::size_t i = 0; i < children.size; ++i) {
        failure_ptr failed = evaluate(i);
        if (failed == nullptr || children.options.return_exceptions || first_failure != nullptr) {
            continue;
        }
        first_failure = std::move(failed);
        if (children.parent.is == kind::sequence) {
            break;
        }
    }
    return first_failure;
}

/// The failure of the child whose end decided, if that is how it ended.
outcome decisive_outcome(gathering& g, const child_list& list, const task_ref& decisive) {
    for (std::size_t i = 0; decisive && decisive->failed() && i < list.size; ++i) {
        if (g.tasks()[i].ref().get() == decisive.get()) {
            outcome ended = outcome_of(g.tasks()[i], list.place_of(i));
            return ended.has_value() ? ended : outcome{list.failed(i, ended.reason())};
        }
    }
    return {};
}

}  // namespace

task<outcome> evaluate_gather(const node& n, environment_ptr names, program& p) {
    return gather_children(children_of(n), std::move(names), p);
}

task<outcome> gather_children(child_list children, environment_ptr names, program& p) {
    const node& n = children.parent;
    const bool is_watched = &n == &p.source().root() && p.observer().wants_children();
    const bool has_limit = children.options.limit != 0;
    const bool at_once = !p.is_seeded() && (!has_limit || children.all_end_at_once());
    if (at_once && !is_watched && are_worth_sharing(children)) {
        co_return co_await evaluate_shared(std::move(children), std::move(names), p);
    }
    memory_limit::check(children.size * sizeof(child_handle));
    gathering g{children};
    // Shared, since children that a failed gather leaves running still use it.
    const auto line = at_once || !has_limit
                          ? nullptr
                          : std::make_shared<executor::ordered_semaphore>(children.size, children.options.limit);
    std::size_t begun = 0;  // tasks before it have
    turn own;
    try {
        for (std::size_t i = 0; i < children.size; ++i) {
            std::optional<outcome> made;
            if (at_once && children.is_instant(i)) {
                while (begun < i) {  // in the order of the list
                    if (has_begun(g.tasks()[begun])) {
                        ++begun;
                    } else {
                        co_await executor::yield();
                    }
                }
                made = children.now(i, names, p);
            }
            if (!made) {
                task<outcome> child = children.later(i, names, p);
                if (line != nullptr) {
                    child =
                        admitted(executor::ordered_semaphore::place{line, i}, std::move(child), children.place_of(i));
                }
                if (is_watched) {
                    child = observed(std::move(child), i, p);
                }
                g.start(i, std::move(child));
                if (own.is_over_after_child()) {
                    if (p.is_seeded()) {
                        co_await give_way{};
                    } else {
                        co_await executor::yield();
                    }
                }
                continue;
            }
            if (g.results.empty()) {
                memory_limit::check(children.size * sizeof(outcome));
                g.results.resize(children.size);
            }
            g.results[i] = *std::move(made);
            if (is_watched) {
                p.observer().child_ended(i, g.results[i]);
            }
            if (!g.results[i].has_value() && g.first_failure == nullptr && !children.options.return_exceptions) {
                g.first_failure = children.failed(i, g.results[i].reason());
            }
            if (own.is_over_after_child()) {
                co_await executor::yield();
            }
        }
        if (g.first_failure != nullptr) {
            co_await all_begun(g.tasks());
        }
    } catch (const cancelled_error& e) {
        executor::task_state::cancel_each(refs_to(g.tasks()), {}, e.request());
        co_return cancelled_at({&n}, e);
    }
    if (g.first_failure != nullptr) {
        co_return g.first_failure;
    }
    try {
        if (g.has_tasks) {
            const executor::wait_result ended = co_await g.started.wait();
            if (ended.cancel_requested || !children.options.return_exceptions) {
                outcome last = decisive_outcome(g, children, ended.decisive);
                if (ended.decisive && ended.decisive->cancelled()) {
                    executor::task_state::current().adopt_cancellation_of(*ended.decisive);
                }
                if (!last.has_value() && !ended.cancel_requested) {
                    co_await all_begun(g.tasks());
                }
                if (!last.has_value() && (!children.options.return_exceptions || last.reason()->is_cancellation())) {
                    co_return last;
                }
                if (ended.cancel_requested) {
                    co_return cancelled_at({&n}, cancelled_error{});
                }
            }
        }
        outcome results = value::array();
        auto& list = results.result().get_ref<value::array_t&>();
        list.reserve(children.size);
        for (std::size_t i = 0; i < children.size; ++i) {
            outcome result = g.take(i, children.place_of(i));
            if (!result.has_value()) {  // it is described
                turn::take(steps_to_describe(*result.reason()));
            }
            list.push_back(children.options.return_exceptions ? result_entry(std::move(result))
                                                              : std::move(result.result()));
            if (own.is_over_after_child()) {
                co_await give_way{};
            }
        }
        co_return results;
    } catch (const cancelled_error& e) {
        co_return cancelled_at({&n}, e);
    }
}

outcome gather_instant(const node& n, program& p) {
    const child_list children = children_of(n);
    memory_limit::check(children.size * sizeof(outcome));
    std::vector<outcome> results(children.size);
    failure_ptr failed = in_turn(children, [&](std::size_t i) {
        results[i] = children.instant(i, p);
        return results[i].has_value() ? nullptr : results[i].reason();
    });
    if (failed != nullptr) {
        return failed;
    }
    return result_list(std::move(results), children.options.return_exceptions);
}

namespace {

/// Appends the children's entries by `append_one(index)`, which gives the failure of a child.
template <typename Append>
failure_ptr append_in_turn(std::string& text, const child_list& children, const Append& append_one) {
    return in_turn(children, [&](std::size_t i) {
        if (i != 0) {
            text += ',';
        }
        const std::size_t entry = text.size();
        if (children.options.return_exceptions) {
            text += R"({"value":)";
        }
        failure_ptr result = append_one(i);
        if (children.options.return_exceptions) {
            append_entry_end(text, entry, result);
        }
        return result;
    });
}

}  // namespace

failure_ptr append_gather_instant(std::string& text, const node& n, call_context& context) {
    const child_list children = children_of(n);
    const std::size_t begin = text.size();
    const auto append_item = [&](std::size_t i) {
        return append_call(text, *children.map().callee, children.map().over[i].bound,
                           {&n, static_cast<std::uint32_t>(i)}, context);
    };
    const auto append_child = [&](std::size_t i) {
        return append_instant(text, *children.list().children[i], context);
    };
    text += '[';
    failure_ptr failed =
        children.is_map() ? append_in_turn(text, children, append_item) : append_in_turn(text, children, append_child);
    text += ']';
    if (failed != nullptr) {
        text.resize(begin);
    }
    return failed;
}

}  // namespace gatherd::api::plan
