#include "api/plan/evaluate/evaluate.hpp"

#include <utility>

#include "api/plan/evaluate/aside.hpp"
#include "api/plan/evaluate/call.hpp"
#include "api/plan/evaluate/program.hpp"
#include "api/plan/model/failure.hpp"
#include "api/protocol/json_writer.hpp"

namespace gatherd::api::plan {

using executor::task;

namespace {

task<outcome> copy_constant(const value_node& n) {
    co_return *n.constant;
}

task<outcome> evaluate_value(const value_node& n, program& p) {
    return n.ends_at_once() ? copy_constant(n) : make_aside([&n] { return outcome{*n.constant}; }, {&n}, p);
}

/// With a record of its own, which the one of the to_thread is around.
task<outcome> evaluate_recorded_on_thread(place where, environment_ptr names, program& p) {
    co_return co_await recorded(where, evaluate_call(where, std::move(names), p, true), p);
}

/// The call inside a to_thread.
task<outcome> evaluate_on_thread(place where, environment_ptr names, program& p) {
    if (p.recorder() == nullptr) {
        return evaluate_call(where, std::move(names), p, true);
    }
    return evaluate_recorded_on_thread(where, std::move(names), p);
}

/// What a node gives of a program that is over: nothing that catches it can start anything either.
task<outcome> refuse_to_start(const node& n) {
    co_return failure{"CancelledError", "", {&n}};
}

}  // namespace

outcome instant_outcome(const node& n, program& p) {
    if (n.is == kind::value) {
        return *static_cast<const value_node&>(n).constant;
    }
    if (n.is == kind::call) {
        const auto& call = static_cast<const call_node&>(n);
        return call_now(*call.callee, call.arguments.bound, {&n}, p, n.steps);
    }
    return gather_instant(n, p);
}

outcome evaluate_instant(const node& n, program& p) {
    if (node_recorder* const recorder = p.recorder()) [[unlikely]] {
        return recorded_now(*recorder, {&n}, [&] { return instant_outcome(n, p); });
    }
    return instant_outcome(n, p);
}

failure_ptr append_instant(std::string& text, const node& n, call_context& context) {
    if (n.is == kind::value) {
        protocol::append_value(text, *static_cast<const value_node&>(n).constant);
        return nullptr;
    }
    if (n.is == kind::call) {
        const auto& call = static_cast<const call_node&>(n);
        return append_call(text, *call.callee, call.arguments.bound, {&n}, context);
    }
    return append_gather_instant(text, n, context);
}

namespace {

task<outcome> evaluate_kind(const node& n, environment_ptr names, program& p) {
    switch (n.is) {
        case kind::call:
            return evaluate_call({&n}, std::move(names), p);
        case kind::value:
            return evaluate_value(static_cast<const value_node&>(n), p);
        case kind::ref:
            return evaluate_ref(static_cast<const ref_node&>(n), std::move(names), p);
        case kind::map:
            return evaluate_map(static_cast<const map_node&>(n), std::move(names), p);
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
        case kind::if_:
            return evaluate_if(static_cast<const if_node&>(n), std::move(names), p);
        case kind::any:
            return evaluate_any(static_cast<const any_node&>(n), std::move(names), p);
        case kind::to_thread:
            return evaluate_on_thread({static_cast<const inner_node&>(n).inner}, std::move(names), p);
    }
    std::terminate();  // every kind is above
}

}  // namespace

task<outcome> evaluate(const node& n, environment_ptr names, program& p, std::uint32_t item) {
    if (p.is_abandoned() || p.has_no_memory()) [[unlikely]] {
        return refuse_to_start(n);
    }
    task<outcome> evaluation = evaluate_kind(n, std::move(names), p);
    return p.recorder() == nullptr ? std::move(evaluation) : recorded({&n}, std::move(evaluation), p, item);
}

}  // namespace gatherd::api::plan
