#include "api/plan/check/read_task.hpp"

#include <chrono>
#include <cstdint>
#include <span>
#include <variant>

#include "api/plan/check/read_arguments.hpp"
#include "api/plan/check/task_members.hpp"

namespace gatherd::api::plan {

namespace {

using protocol::json_view;

bool is_brief(const function& callee, const call_arguments& arguments) {
    if (callee.is_async() || callee.pool == thread_pool::blocking) {
        return false;
    }
    return callee.pool == thread_pool::none ? !are_large(arguments.bound)
                                            : callee.is_brief != nullptr && callee.is_brief(arguments.bound);
}

}  // namespace

const node& read_call(plan_builder& b, const task_members& m, const node& where, const symbol_scope* names) {
    call_node& n = b.make_at<call_node>(where);
    n.callee = &b.find_function(*m[kind::call], where, "/call");
    read_call_arguments(b, n, m.given(option::args), names);
    return n;
}

void read_call_arguments(plan_builder& b, call_node& n, const std::optional<json_view>& args,
                         const symbol_scope* names) {
    n.lines = n.callee->prints ? 1 : 0;
    if (!args && n.callee->parameters.empty()) {
        n.is_instant = is_brief(*n.callee, n.arguments);
        return;
    }
    const argument_site site{*n.callee, n, {"/args"}, names};
    if (args) {
        n.arguments = read_arguments(b, site, *args);
    } else {
        n.arguments.bound = default_arguments(b, site);
    }
    n.is_instant = n.arguments.awaited == nullptr && is_brief(*n.callee, n.arguments);
}

const node& read_map(plan_builder& b, const task_members& m, const node& where, const symbol_scope* names) {
    map_node& n = b.make_at<map_node>(where);
    n.callee = &b.find_function(*m[kind::map], where, "/map");
    if (!m[option::over]) {
        refuse(where, "", "map misses its 'over'");
    }
    n.options = read_gather_options(where, m[option::return_exceptions], m[option::limit]);
    read_over(b, n, *m[option::over], names);
    return n;
}

void read_over(plan_builder& b, map_node& n, json_view over, const symbol_scope* names) {
    if (!over.is_array()) {
        refuse(n, n.over_step, "over is a list of argument lists");
    }
    b.count(over.size());
    const std::span<call_arguments> items = b.target().make_span<call_arguments>(over.size());
    n.is_instant = true;
    argument_site site{*n.callee, n, {n.over_step, 0}, names};
    for (const json_view args : over.items()) {
        call_arguments& item = items[site.below.item];
        item = read_arguments(b, site, args);
        n.is_instant = n.is_instant && item.awaited == nullptr && is_brief(*n.callee, item);
        ++site.below.item;
    }
    n.over = items;
    add_lines(n, n.callee->prints ? items.size() : 0);
}

}  // namespace gatherd::api::plan
