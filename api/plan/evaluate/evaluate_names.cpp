#include "api/plan/evaluate/evaluate.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <utility>

#include "api/plan/evaluate/aside.hpp"
#include "api/plan/evaluate/call.hpp"
#include "api/plan/evaluate/child_tasks.hpp"
#include "api/plan/evaluate/program.hpp"
#include "api/plan/evaluate/turn.hpp"
#include "gatherd/executor/wait.hpp"

namespace gatherd::api::plan {

using executor::cancelled_error, executor::task;

namespace {

/// How a node has ended, as far as that says what of it has run.
struct ending {
    bool has_succeeded;
    std::uint32_t outwards;  ///< environments between the node and the let
};

bool waits(const node& n, ending end);

/// Of tasks that are awaited one after the other; a failure may have been the first one's.
template <typename Each, typename NodeOf>
bool any_waits(std::span<const Each> tasks, NodeOf node_of, ending end) {
    const std::size_t reached = end.has_succeeded ? tasks.size() : std::min<std::size_t>(tasks.size(), 1);
    return std::ranges::any_of(
        tasks.first(reached), [end](const node* each) { return waits(*each, end); }, node_of);
}

bool call_waits(const call_node& n, ending end) {
    if (end.has_succeeded ? n.callee->is_async() : has_waited(n)) {
        return true;
    }
    const awaited_arguments* const awaited = n.arguments.awaited;
    if (awaited == nullptr) {
        return false;
    }
    return awaited->whole != nullptr ? waits(*awaited->whole, end)
                                     : any_waits(awaited->parts, &awaited_part::task, end);
}

bool waits(const node& n, ending end) {
    switch (n.is) {
        case kind::value:
            return false;
        case kind::call:
            return call_waits(static_cast<const call_node&>(n), end);
        case kind::ref:  // to a task of that let: it cannot have ended before anybody waited
            return static_cast<const ref_node&>(n).levels == end.outwards;
        case kind::map: {
            const auto& map = static_cast<const map_node&>(n);
            return map.over_task != nullptr ? waits(*map.over_task, end) : !map.over.empty() || !map.items.empty();
        }
        case kind::gather:
        case kind::task_group:
        case kind::wait:
        case kind::race:
        case kind::any:
            return !static_cast<const list_node&>(n).children.empty();
        case kind::to_thread:
            return true;
        case kind::shield:
        case kind::wait_for: {
            const auto& around = static_cast<const inner_node&>(n);
            const bool has_task = n.is == kind::shield || around.timeout.has_value();
            return (has_task && around.inner->is != kind::ref) || waits(*around.inner, end);
        }
        case kind::sequence:
            return any_waits(static_cast<const list_node&>(n).children, std::identity{}, end);
        case kind::let:
            return waits(*static_cast<const let_node&>(n).body, {end.has_succeeded, end.outwards + 1});
        case kind::try_: {
            const auto& around = static_cast<const try_node&>(n);
            return waits(*around.body, {false, end.outwards}) ||
                   (around.finalizer != nullptr && waits(*around.finalizer, end));
        }
        case kind::if_:  // which side ran is not known any more
            return waits(*static_cast<const if_node&>(n).condition, {false, end.outwards});
        case kind::retry:
            return waits(*static_cast<const retry_node&>(n).inner, {false, end.outwards});
    }
    return false;
}

/// Whether a coroutine of asyncio would have waited while it evaluated the body of a let to its end: then the let's
/// tasks, created before, have begun. Here children may run in place, and nobody has waited for them. Where the answer
/// depends on what else has run, it is false.
///
/// Cost: linear in what of the body runs one after the other; children of a gather are not looked at.
bool waits_in_asyncio(const let_node& n, bool body_has_succeeded) {
    return waits(*n.body, {body_has_succeeded, 0});
}

/// What a ref gives: a copy, since others may await the same task; or null if the value itself is `shared`.
outcome copy_of(const value& result, const ref_node& n, const program& p, bool is_shared) {
    if (is_deeper_than(result, p.bounds().depth)) {
        return failure{"RecursionError", "the result is nested deeper than limits.depth", {&n}};
    }
    return is_shared ? outcome{value(nullptr)} : outcome{result};
}

/// A failure as a value; a very long one is made on the compute pool. Or the failure that came instead.
task<outcome> described(failure_ptr reason, place where, program& p) {
    constexpr std::size_t most_described_here = std::size_t{1} << 20;  // bytes: a fraction of a millisecond
    turn::take(steps_to_describe(*reason));
    if (described_bytes(*reason) > most_described_here) {
        auto body = [reason = std::move(reason)] { return outcome{describe(*reason)}; };
        auto describing = make_aside(std::move(body), where, p);
        co_return co_await std::move(describing);
    }
    try {
        co_return describe(*reason);
    } catch (const std::exception&) {
        co_return handled(where);
    }
}

}  // namespace

bool catches(const try_node& n, const failure& f) {
    if (n.handler == nullptr) {
        return false;
    }
    if (n.types.empty()) {
        return !f.is_cancellation();
    }
    return std::find(n.types.begin(), n.types.end(), f.type) != n.types.end();
}

task<outcome> evaluate_ref(const ref_node& n, environment_ptr names, program& p, std::shared_ptr<const value>* shared) {
    environment& scope = names->outwards(n.levels);
    child_handle named;
    std::shared_ptr<const value> source = scope.named_value();
    outcome copied;
    try {
        if (source == nullptr) {
            named = scope.tasks()[n.slot];
            co_await executor::await_end(named.ref());
            if (!named.failed()) {
                source = {std::shared_ptr<const void>{}, &named.result().result()};
            }
        }
        const bool is_large = source != nullptr && are_large({source.get(), 1});
        const bool is_shared = shared != nullptr && source != nullptr && is_more_than_a_step(*source);
        if (source == nullptr) {
            copied = outcome_of_named(scope, n.slot, {&n});
        } else if (!is_large || (is_shared && source->is_string())) {
            copied = copy_of(*source, n, p, is_shared);
        } else {
            auto body = [named, source, &n, is_shared, &p] { return copy_of(*source, n, p, is_shared); };
            auto copying = make_aside(std::move(body), {&n}, p);
            copied = co_await std::move(copying);
        }
        if (is_shared && copied.has_value()) {
            *shared = named ? std::shared_ptr<const value>{std::make_shared<const child_handle>(named), source.get()}
                            : std::move(source);
        }
    } catch (const cancelled_error& e) {
        co_return cancelled_at({&n}, e);
    }
    if (!copied.has_value() && named && named.cancelled()) {
        executor::task_state::current().adopt_cancellation_of(*named.ref());
    }
    co_return copied;
}

task<outcome> evaluate_let(const let_node& n, environment_ptr names, program& p) {
    const auto inner = std::make_shared<environment>(names, n.tasks.size());
    for (std::size_t i = 0; i < n.tasks.size(); ++i) {
        inner->tasks()[i] = begin_task(evaluate(*n.tasks[i], inner, p));
    }
    outcome result = co_await evaluate(*n.body, inner, p);
    try {
        if (waits_in_asyncio(n, result.has_value())) {
            co_await all_begun(inner->tasks());
        }
    } catch (const cancelled_error& e) {
        result = cancelled_at({&n}, e);
    }
    if (auto cancelled = co_await cancel_and_wait(inner->tasks(), {&n})) {
        co_return *std::move(cancelled);
    }
    co_return result;
}

task<outcome> evaluate_try(const try_node& n, environment_ptr names, program& p) {
    outcome result = co_await evaluate(*n.body, names, p);
    if (!result.has_value() && catches(n, *result.reason())) {
        outcome told;
        if (n.names_error) {
            told = co_await described(result.reason(), {&n}, p);
        }
        if (told.has_value()) {
            const environment_ptr inner =
                n.names_error ? std::make_shared<environment>(names, shared_value(std::move(told.result()))) : names;
            result = co_await evaluate(*n.handler, inner, p);
        } else {
            result = told;
        }
    }
    if (n.finalizer != nullptr) {
        outcome last = co_await evaluate(*n.finalizer, names, p);
        if (!last.has_value()) {
            co_return last;
        }
    }
    co_return result;
}

}  // namespace gatherd::api::plan
