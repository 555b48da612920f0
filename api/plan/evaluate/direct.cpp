#include "api/plan/evaluate/direct.hpp"

#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "api/plan/evaluate/call.hpp"
#include "api/plan/evaluate/evaluate.hpp"
#include "api/plan/evaluate/program.hpp"
#include "api/plan/evaluate/turn.hpp"
#include "api/plan/model/function.hpp"
#include "api/plan/model/truth.hpp"

namespace gatherd::api::plan {

namespace {

const value& value_named(const ref_node& n, const direct_scope& names) {
    std::uint32_t levels = n.levels;
    const direct_scope* scope = &names;
    for (; levels > 0 && scope->outer != nullptr; --levels) {
        scope = scope->outer;
    }
    return levels == 0 ? scope->named : *scope->beyond->outwards(levels - 1).named_value();
}

std::optional<outcome> direct_ref(const ref_node& n, const direct_scope& names) {
    const value& named = value_named(n, names);
    if (is_more_than_a_step(named)) {
        return std::nullopt;
    }
    return named;
}

/// A call with tasks in its arguments.
std::optional<outcome> direct_call(const call_node& n, const direct_scope& names, program& p) {
    const awaited_arguments& awaited = *n.arguments.awaited;
    if (awaited.whole != nullptr) {
        auto args = evaluate_direct(*awaited.whole, names, p);
        if (!args || !args->has_value()) {
            return args;
        }
        return call_computed_now({&n}, std::move(args->result()), p);
    }
    std::vector<value> own{n.arguments.bound.begin(), n.arguments.bound.end()};
    for (const awaited_part& part : awaited.parts) {
        auto result = evaluate_direct(*part.task, names, p);
        if (!result || !result->has_value()) {
            return result;
        }
        fill_part(own[part.argument], part, std::move(result->result()));
    }
    const auto steps = steps_on_worker(*n.callee, own);
    return steps ? std::optional{call_now(*n.callee, own, {&n}, p, *steps)} : std::nullopt;
}

std::optional<outcome> direct_if(const if_node& n, const direct_scope& names, program& p) {
    auto condition = evaluate_direct(*n.condition, names, p);
    if (!condition || !condition->has_value()) {
        return condition;
    }
    const node* const side = is_true(condition->result()) ? n.then : n.otherwise;
    return side != nullptr ? evaluate_direct(*side, names, p) : outcome{value(nullptr)};
}

std::optional<outcome> direct_try(const try_node& n, const direct_scope& names, program& p) {
    auto result = evaluate_direct(*n.body, names, p);
    if (p.has_no_memory()) [[unlikely]] {  // nothing catches that
        return result;
    }
    if (result && !result->has_value() && catches(n, *result->reason())) {
        if (n.names_error) {
            const std::size_t steps = steps_to_describe(*result->reason());
            if (steps > most_steps_to_read) {
                return std::nullopt;
            }
            turn::take(steps);
            const value error = describe(*result->reason());
            result = evaluate_direct(*n.handler, {error, &names, names.beyond}, p);
        } else {
            result = evaluate_direct(*n.handler, names, p);
        }
    }
    if (result && n.finalizer != nullptr) {
        auto last = evaluate_direct(*n.finalizer, names, p);
        if (!last || !last->has_value()) {
            return last;
        }
    }
    return result;
}

/// gather and sequence.
std::optional<outcome> direct_list(const list_node& n, const direct_scope& names, program& p) {
    std::vector<outcome> results;
    results.reserve(n.children.size());
    failure_ptr first_failure;
    for (const node* const each : n.children) {
        auto result = evaluate_direct(*each, names, p);
        if (!result) {
            return result;
        }
        if (!result->has_value() && !n.options.return_exceptions && first_failure == nullptr) {
            first_failure = result->reason();
            if (n.is == kind::sequence) {
                break;
            }
        }
        results.push_back(*std::move(result));
    }
    if (first_failure != nullptr) {
        return outcome{std::move(first_failure)};
    }
    return result_list(std::move(results), n.options.return_exceptions);
}

}  // namespace

std::optional<outcome> evaluate_direct(const node& n, const direct_scope& names, program& p) {
    if (node_recorder* const recorder = p.recorder()) [[unlikely]] {
        recorder->leave_out();
    }
    switch (n.is) {
        case kind::ref:
            return direct_ref(static_cast<const ref_node&>(n), names);
        case kind::if_:
            return direct_if(static_cast<const if_node&>(n), names, p);
        case kind::try_:
            return direct_try(static_cast<const try_node&>(n), names, p);
        case kind::gather:
        case kind::sequence:
            return direct_list(static_cast<const list_node&>(n), names, p);
        case kind::call:
            if (static_cast<const call_node&>(n).arguments.awaited != nullptr) {
                return direct_call(static_cast<const call_node&>(n), names, p);
            }
            break;
        default:
            break;
    }
    return instant_outcome(n, p);
}

}  // namespace gatherd::api::plan
