#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "api/plan/check/read_arguments.hpp"
#include "api/plan/check/read_task.hpp"
#include "api/plan/check/task_members.hpp"
#include "api/protocol/json_value.hpp"

namespace gatherd::api::plan {

namespace {

using protocol::json_view;

/// Argument lists of the callee.
void read_listed_calls(plan_builder& b, map_node& n, const map_members& given, const symbol_scope* names) {
    b.count(given.over.size());
    const std::span<call_arguments> items = b.target().make_span<call_arguments>(given.over.size());
    n.is_instant = true;
    n.prints = n.callee->prints;
    std::size_t steps = 0;
    argument_site site{*n.callee, n, {n.over_step, 0}, names, given.is_literal};
    for (const json_view args : given.over.items()) {
        call_arguments& item = items[site.below.item];
        item = read_arguments(b, site, args);
        const auto of_item = item.awaited == nullptr ? steps_on_worker(*n.callee, item.bound) : std::nullopt;
        n.is_instant = n.is_instant && of_item;
        steps += of_item.value_or(node::too_many_steps);
        ++site.below.item;
    }
    n.over = items;
    n.take_steps(steps, n.is_instant && !n.prints);
}

void read_body(plan_builder& b, map_node& n, const map_members& given, const symbol_scope* names) {
    if (!given.as) {
        refuse(n, "", "a map of a task misses its 'as'", "it names the item for the task");
    }
    if (!given.as->is_string()) {
        refuse(n, "/as", "as is a name");
    }
    symbol_scope inner{names};
    inner.slots.emplace(given.as->as_string(), 0);
    inner.holds_value = true;
    const std::size_t before = b.target().tasks();
    n.body = &read_task(b, given.own, {&n, given.own_step}, &inner);
    n.body_tasks = b.target().tasks() - before;
}

void read_items(plan_builder& b, map_node& n, json_view over) {
    const std::span<value> items = b.target().make_values(over.size());
    std::size_t i = 0;
    for (const json_view item : over.items()) {
        items[i++] = protocol::to_value(item);
    }
    n.items = items;
}

}  // namespace

const node& read_map(plan_builder& b, const task_members& m, const node& where, const symbol_scope* names) {
    map_node& n = b.make_at<map_node>(where);
    if (!m[option::over]) {
        refuse(where, "", "map misses its 'over'");
    }
    n.options = read_gather_options(where, m[option::return_exceptions], m[option::limit]);
    const json_view own = *m[kind::map];
    const bool has_task = own.is_object();
    if (has_task && m.given(option::literal)) {
        refuse(where, "/literal", "literal goes with a function",
               "the items of a map with a task are never looked into");
    }
    read_mapped(b, n,
                {own, "/map", has_task, m.given(option::as), *m[option::over], read_flag(m, option::literal, where)},
                names);
    return n;
}

void read_mapped(plan_builder& b, map_node& n, const map_members& given, const symbol_scope* names) {
    const std::size_t expected_before = b.target().expected_tasks();
    if (given.has_task) {
        read_body(b, n, given, names);
    } else {
        n.callee = &b.find_function(given.own, n, given.own_step);
        if (given.as) {
            refuse(n, "/as", "as goes with a task", "it names the item for the task");
        }
    }
    if (given.over.is_array()) {
        if (n.body == nullptr) {
            read_listed_calls(b, n, given, names);
            return;
        }
        read_items(b, n, given.over);
        b.target().expect_tasks(n.items.size(), b.target().expected_tasks() - expected_before);
        return;
    }
    const auto awaited = given.is_literal ? std::nullopt : as_await(given.over);
    if (!awaited) {
        refuse(n, n.over_step,
               n.body == nullptr ? "over is a list of argument lists, or an await or ref that gives one"
                                 : "over is a list, or an await or ref that gives one");
    }
    n.over_task = &read_await(b, *awaited, n, std::string{n.over_step}, names);
}

}  // namespace gatherd::api::plan
