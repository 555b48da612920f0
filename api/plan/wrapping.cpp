#include "api/plan/wrapping.hpp"

#include <algorithm>
#include <memory>
#include <utility>

#include "api/plan/asyncio_waits.hpp"
#include "api/plan/call.hpp"
#include "api/plan/children.hpp"
#include "api/plan/evaluator.hpp"
#include "api/plan/program.hpp"
#include "gatherd/executor/sleep.hpp"
#include "gatherd/executor/wait.hpp"
#include "gatherd/executor/wait_for.hpp"

namespace gatherd::api::plan {

using executor::cancelled_error, executor::task;

namespace {

/// Whether it needs no coroutine here. A gather in a seeded program is no such, whatever its children are: they take
/// their turns after the tasks that are ready already.
bool ends_in_this_step(const node& n, const program& p) {
    return n.is_instant && (!p.is_seeded() || n.is == kind::call || n.is == kind::value);
}

bool catches(const try_node& n, const failure& f) {
    if (n.types.empty()) {
        return !f.is_cancellation();
    }
    return std::find(n.types.begin(), n.types.end(), f.type) != n.types.end();
}

}  // namespace

task<outcome> evaluate_sequence(const list_node& n, environment_ptr names, program& p) {
    value results = value::array();
    for (const node* each : n.children) {
        outcome result;
        // No conditional expression: g++ 12 destroys what an await in one gives twice.
        if (ends_in_this_step(*each, p)) {
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

task<outcome> evaluate_wait_for(const inner_node& n, environment_ptr names, program& p) {
    child_handle inner = named_task(*n.inner, names);
    const bool is_there_already = n.inner->is == kind::ref && !inner;  // the error of an `except`
    if (!n.timeout || is_there_already) {
        co_return co_await evaluate(*n.inner, names, p);
    }
    try {
        if (!inner && n.timeout->count() <= 0) {
            co_await executor::yield();  // its task would be cancelled before its first step
            co_return failure{"TimeoutError", "", {&n}};
        }
        if (!inner) {
            inner = executor::create_task(evaluate(*n.inner, names, p));
        }
        const bool in_time = co_await executor::end_within_unjoined(inner.ref(), *n.timeout);
        outcome ended = outcome_of_child(*n.inner, names, inner);
        if (!in_time && !ended.has_value() && ended.reason()->is_cancellation()) {
            co_return failure{"TimeoutError", "", {&n}};
        }
        co_return ended;
    } catch (const cancelled_error& e) {
        co_return cancelled_at({&n}, e);
    }
}

task<outcome> evaluate_shield(const inner_node& n, environment_ptr names, program& p) {
    const child_handle named = named_task(*n.inner, names);
    const bool is_error = n.inner->is == kind::ref && !named;  // that of an `except`: it is there already
    if (is_error || (named && named.done())) {
        co_return co_await evaluate(*n.inner, names, p);  // nothing is left to shield
    }
    const child_handle inner = named ? named : executor::create_task(evaluate(*n.inner, names, p));
    try {
        co_await executor::wait(inner.ref());
    } catch (const cancelled_error& e) {
        co_return cancelled_at({&n}, e);
    }
    outcome ended = outcome_of(inner, {n.inner});
    if (!ended.has_value() && ended.reason()->is_cancellation()) {
        co_return without_message(*ended.reason());  // the outer future is cancelled too, without a word
    }
    co_return ended;
}

task<outcome> evaluate_ref(const ref_node& n, environment_ptr names, program& p) {
    environment& scope = names->outwards(n.levels);
    if (scope.names_error()) {
        co_return scope.error();
    }
    const child_handle named = scope.tasks()[n.slot];
    outcome result;
    try {
        co_await executor::await_end(named.ref());
        result = outcome_of_named(scope, n.slot, {&n});
    } catch (const cancelled_error& e) {
        co_return cancelled_at({&n}, e);
    }
    if (!result.has_value()) {
        if (named.cancelled()) {
            executor::task_state::current().adopt_cancellation_of(*named.ref());
        }
        co_return result;
    }
    std::size_t bytes = 0;
    switch (measure_of(result.result(), p.bounds().depth, p.bounds().result_bytes, bytes)) {
        case measure::fits:
            if (!p.account_for(bytes)) {
                co_return failure{"CancelledError", "", {&n}};
            }
            break;
        case measure::too_deep:
            co_return failure{"RecursionError", "the result is nested deeper than limits.depth", {&n}};
        case measure::too_large:
            p.exceed("limits.result_bytes");
            co_return failure{"CancelledError", "", {&n}};
    }
    co_return result;
}

task<outcome> evaluate_let(const let_node& n, environment_ptr names, program& p) {
    const auto inner = std::make_shared<environment>(names, n.tasks.size());
    for (std::size_t i = 0; i < n.tasks.size(); ++i) {
        inner->tasks()[i] = executor::create_task(evaluate(*n.tasks[i], inner, p));
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

}  // namespace gatherd::api::plan
