#include "api/plan/evaluate/evaluate.hpp"

#include <algorithm>
#include <memory>
#include <utility>

#include "api/plan/evaluate/call.hpp"
#include "api/plan/evaluate/child_tasks.hpp"
#include "api/plan/evaluate/program.hpp"
#include "api/plan/evaluate/turn.hpp"
#include "api/plan/model/deadline.hpp"
#include "gatherd/executor/detail/time_after.hpp"
#include "gatherd/executor/sleep.hpp"
#include "gatherd/executor/wait.hpp"
#include "gatherd/executor/wait_for.hpp"

namespace gatherd::api::plan {

using executor::cancelled_error, executor::task;

namespace {

/// Whether it needs no coroutine here. Not so in a seeded program a gather, whatever its children are: they take their
/// turns after the tasks that are ready already.
bool ends_in_this_step(const node& n, const program& p) {
    return n.ends_at_once() && (!p.is_seeded() || n.is == kind::value || n.is == kind::call);
}

/// Tasks that are created during the life of what it gives have to end by then, or by no wait_for; and no later than
/// what is around.
std::optional<deadline_setter> end_by(std::optional<deadline_time> when) {
    const auto around = deadline_around.get();
    return deadline_around.scoped_set(when && around ? std::min(*when, *around) : when);
}

}  // namespace

task<outcome> evaluate_sequence(const list_node& n, environment_ptr names, program& p) {
    outcome results = value::array();
    turn own;
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
        results.result().push_back(std::move(result.result()));
        if (own.is_over_after_child()) {
            try {
                co_await give_way{};
            } catch (const cancelled_error& e) {
                co_return cancelled_at({&n}, e);
            }
        }
    }
    co_return results;
}

task<outcome> evaluate_wait_for(const inner_node& n, environment_ptr names, program& p) {
    child_handle inner = named_task(*n.inner, names);
    const bool is_there_already = n.inner->is == kind::ref && !inner;  // an item, or the error of an `except`
    if (!n.timeout || is_there_already) {
        co_return co_await evaluate(*n.inner, names, p);
    }
    try {
        if (!inner && n.timeout->count() <= 0) {
            co_await executor::yield();  // its task would be cancelled before its first step
            co_return failure{"TimeoutError", "", {&n}};
        }
        if (!inner) {
            const auto within = p.source().calls_workers() ? end_by(executor::time_after(*n.timeout)) : std::nullopt;
            inner = begin_task(evaluate(*n.inner, names, p));
        }
        const bool in_time = co_await executor::end_within_unjoined(inner.ref(), *n.timeout);
        if (n.inner->is == kind::ref && has_large_result(inner)) {
            co_return co_await evaluate_ref(static_cast<const ref_node&>(*n.inner), names, p);
        }
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
    const bool is_value = n.inner->is == kind::ref && !named;  // of an item or an `except`: it is there already
    if (is_value || (named && named.done())) {
        co_return co_await evaluate(*n.inner, names, p);  // nothing is left to shield
    }
    child_handle inner = named;
    if (!named) {
        // What waits outside may give up; the task itself goes on.
        const auto without = p.source().calls_workers() ? end_by(std::nullopt) : std::nullopt;
        inner = begin_task(evaluate(*n.inner, names, p));
    }
    try {
        co_await executor::wait(inner.ref());
    } catch (const cancelled_error& e) {
        co_return cancelled_at({&n}, e);
    }
    if (named && has_large_result(named)) {
        co_return co_await evaluate_ref(static_cast<const ref_node&>(*n.inner), names, p);
    }
    outcome ended = named ? outcome_of(inner, {n.inner}) : outcome_of(std::move(inner), {n.inner});
    if (!ended.has_value() && ended.reason()->is_cancellation()) {
        co_return without_message(*ended.reason());  // the outer future is cancelled too, without a word
    }
    co_return ended;
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
