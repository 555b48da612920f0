#include "api/plan/check/read_task.hpp"

#include <algorithm>
#include <optional>

#include "api/plan/check/read_arguments.hpp"
#include "api/plan/check/task_members.hpp"

namespace gatherd::api::plan {

namespace {

using protocol::json_view;

/// Whether all tasks in the arguments are direct.
bool are_direct(const awaited_arguments& awaited) {
    return (awaited.whole == nullptr || awaited.whole->is_direct) &&
           std::all_of(awaited.parts.begin(), awaited.parts.end(),
                       [](const awaited_part& each) { return each.task->is_direct; });
}

std::size_t steps_of(const awaited_arguments& awaited) {
    if (awaited.whole != nullptr) {
        return awaited.whole->steps;
    }
    std::size_t steps = 0;
    for (const awaited_part& each : awaited.parts) {
        steps += each.task->steps;
    }
    return steps;
}

}  // namespace

const node& read_call(plan_builder& b, const task_members& m, const node& where, const symbol_scope* names) {
    call_node& n = b.make_at<call_node>(where);
    n.callee = &b.find_function(*m[kind::call], where, "/call");
    read_call_arguments(b, n, m.given(option::args), names, read_flag(m, option::literal, where));
    return n;
}

void read_call_arguments(plan_builder& b, call_node& n, const std::optional<json_view>& args, const symbol_scope* names,
                         bool is_literal) {
    n.prints = n.callee->prints;
    if (args || !n.callee->parameters.empty()) {
        const argument_site site{*n.callee, n, {"/args"}, names, is_literal};
        if (args) {
            n.arguments = read_arguments(b, site, *args);
        } else {
            n.arguments.bound = default_arguments(b, site);
        }
    }
    const awaited_arguments* const awaited = n.arguments.awaited;
    if (awaited == nullptr) {
        n.take_steps(steps_on_worker(*n.callee, n.arguments.bound).value_or(node::too_many_steps), !n.prints);
        n.is_instant = n.steps <= node::most_steps;
    } else {  // whether what tasks in the arguments give is brief will be seen then
        n.take_steps(steps_to_call(*n.callee, n.arguments.bound) + steps_of(*awaited),
                     may_be_brief(*n.callee) && are_direct(*awaited) && !n.prints);
    }
}

}  // namespace gatherd::api::plan
