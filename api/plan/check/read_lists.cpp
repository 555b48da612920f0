#include "api/plan/check/read_task.hpp"

#include <algorithm>
#include <cstdint>
#include <span>
#include <string>

#include "api/plan/check/task_members.hpp"

namespace gatherd::api::plan {

namespace {

using protocol::json_view;

void read_children_of(plan_builder& b, list_node& n, const task_members& m, const symbol_scope* names) {
    const json_view list = *m[n.is];
    const std::string_view step = step_of(n.is);
    if (!list.is_array()) {
        refuse(n, step, std::string{name_of(n.is)} + " is a list of tasks");
    }
    read_children(b, n, list, step, names);
}

executor::return_when read_return_when(json_view when, const node& where) {
    const std::string_view text = when.is_string() ? when.as_string() : std::string_view{};
    if (text == "FIRST_COMPLETED") {
        return executor::return_when::first_completed;
    }
    if (text == "FIRST_EXCEPTION") {
        return executor::return_when::first_exception;
    }
    if (text != "ALL_COMPLETED") {
        refuse(where, "/return_when", "return_when is FIRST_COMPLETED, FIRST_EXCEPTION or ALL_COMPLETED");
    }
    return executor::return_when::all_completed;
}

}  // namespace

const node& read_list(plan_builder& b, kind is, const task_members& m, const node& where, const symbol_scope* names) {
    list_node& n = b.make_at<list_node>(where, is);
    if (is == kind::gather) {
        n.options = read_gather_options(where, m[option::return_exceptions], m[option::limit]);
    }
    read_children_of(b, n, m, names);
    const bool may_be = is == kind::gather || is == kind::sequence;
    n.is_instant = n.is_instant && may_be;
    n.is_direct = n.is_direct && may_be;
    return n;
}

const node& read_wait(plan_builder& b, const task_members& m, const node& where, const symbol_scope* names) {
    wait_node& n = b.make_at<wait_node>(where);
    if (const auto timeout = read_seconds(m, option::timeout, where)) {
        n.timeout = to_duration(*timeout);
    }
    if (const auto when = m.given(option::return_when)) {
        n.when = read_return_when(*when, where);
    }
    read_children_of(b, n, m, names);
    n.is_instant = n.is_direct = false;
    return n;
}

const node& read_any_of(plan_builder& b, const task_members& m, const node& where, const symbol_scope* names) {
    any_node& n = b.make_at<any_node>(where);
    if (const auto stagger = read_seconds(m, option::stagger, where)) {
        n.stagger = to_duration(*stagger);
    }
    read_children_of(b, n, m, names);
    n.is_instant = n.is_direct = false;
    return n;
}

void read_children(plan_builder& b, list_node& n, json_view list, std::string_view step, const symbol_scope* names) {
    const std::span<const node*> children = b.target().make_span<const node*>(list.size());
    bool are_instant = true;
    bool are_direct = true;
    bool print = false;
    std::size_t steps = 0;
    branch where{&n, step, 0};
    for (const json_view item : list.items()) {
        const node& child = read_task(b, item, where, names);
        children[where.position++] = &child;
        are_instant = are_instant && child.is_instant;
        are_direct = are_direct && child.is_direct;
        print = print || child.prints;
        steps += child.steps;
    }
    n.children = children;
    n.is_instant = are_instant;
    n.prints = print;
    n.take_steps(steps, are_direct);
}

}  // namespace gatherd::api::plan
