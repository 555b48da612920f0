#include "api/plan/check/read_task.hpp"

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>

#include "api/plan/check/task_members.hpp"
#include "api/plan/model/nearest_name.hpp"
#include "api/protocol/json_pointer.hpp"

namespace gatherd::api::plan {

namespace {

using protocol::json_view;

std::span<const std::string_view> read_types(plan_builder& b, json_view types, const node& where) {
    const auto complain = [&] { refuse(where, "/types", "types is a list of at least one type name"); };
    if (!types.is_array() || types.size() == 0) {
        complain();
    }
    const std::span<std::string_view> kept = b.target().make_span<std::string_view>(types.size());
    std::size_t i = 0;
    for (const json_view item : types.items()) {
        if (!item.is_string()) {
            complain();
        }
        kept[i++] = b.target().keep(item.as_string());
    }
    return kept;
}

constexpr std::size_t steps_of_a_named_value = 8;  // to copy what is looked up at once, at the most

/// Those that are there.
void be_direct_if_all_are(node& n, std::initializer_list<const node*> parts) {
    std::size_t steps = 0;
    bool are_direct = true;
    for (const node* const each : parts) {
        if (each != nullptr) {
            are_direct = are_direct && each->is_direct;
            steps += each->steps;
        }
    }
    n.take_steps(steps, are_direct);
}

}  // namespace

const node& read_ref(plan_builder& b, json_view own, const node& where, const symbol_scope* names,
                     std::string_view hint) {
    ref_node& n = b.make_at<ref_node>(where);
    if (!own.is_string()) {
        refuse(where, "/ref", "ref is a name");
    }
    for (const symbol_scope* each = names; each != nullptr; each = each->outer, ++n.levels) {
        if (const auto found = each->slots.find(own.as_string()); found != each->slots.end()) {
            n.slot = found->second;
            n.names_value = each->holds_value;
            n.take_steps(steps_of_a_named_value, n.names_value);
            return n;
        }
    }
    nearest_name nearest{own.as_string()};
    for (const symbol_scope* each = names; each != nullptr; each = each->outer) {
        for (const auto& [name, slot] : each->slots) {
            nearest.consider(name);
        }
    }
    refuse(where, "/ref", "unknown name " + quoted(own.as_string()),
           nearest.question().empty() ? std::string{hint} : nearest.question() + " Else: " + std::string{hint});
}

const node& read_if(plan_builder& b, const task_members& m, const node& where, const symbol_scope* names) {
    if_node& n = b.make_at<if_node>(where);
    if (!m[option::then]) {
        refuse(where, "", "if misses its 'then'");
    }
    n.condition = &read_task(b, *m[kind::if_], {&n, "/if"}, names);
    n.then = &read_task(b, *m[option::then], {&n, "/then"}, names);
    if (const auto otherwise = m.given(option::else_)) {
        n.otherwise = &read_task(b, *otherwise, {&n, "/else"}, names);
    }
    be_direct_if_all_are(n, {n.condition, n.then, n.otherwise});
    return n;
}

const node& read_let(plan_builder& b, const task_members& m, const node& where, const symbol_scope* names) {
    let_node& n = b.make_at<let_node>(where);
    const json_view tasks = *m[kind::let];
    if (!tasks.is_object()) {
        refuse(where, "/let", "let is an object of tasks");
    }
    if (!m[option::in]) {
        refuse(where, "", "let misses its 'in'");
    }
    symbol_scope inner{names};
    const auto named = unique_members(tasks);
    const std::span<const node*> slots = b.target().make_span<const node*>(named.size());
    for (std::uint32_t i = 0; i < named.size(); ++i) {
        const std::string_view step = b.target().keep("/let/" + protocol::pointer_step(named[i].name));
        slots[i] = &read_task(b, named[i].value, {&n, step}, &inner);
        inner.slots.emplace(named[i].name, i);
    }
    n.tasks = slots;
    n.body = &read_task(b, *m[option::in], {&n, "/in"}, &inner);
    return n;
}

const node& read_try(plan_builder& b, const task_members& m, const node& where, const symbol_scope* names) {
    try_node& n = b.make_at<try_node>(where);
    n.body = &read_task(b, *m[kind::try_], {&n, "/try"}, names);
    const auto handler = m.given(option::except);
    const auto as = m.given(option::as);
    const auto types = m.given(option::types);
    if (as && !as->is_string()) {
        refuse(where, "/as", "as is a name");
    }
    if (!handler && (as || types)) {
        refuse(where, "", "'as' and 'types' go with 'except'");
    }
    if (types) {
        n.types = read_types(b, *types, where);
    }
    if (handler) {
        symbol_scope inner{names};
        inner.holds_value = true;
        if (as) {
            inner.slots.emplace(as->as_string(), 0);
        }
        n.names_error = as.has_value();
        n.handler = &read_task(b, *handler, {&n, "/except"}, as ? &inner : names);
    }
    if (const auto finalizer = m.given(option::finally)) {
        n.finalizer = &read_task(b, *finalizer, {&n, "/finally"}, names);
    }
    be_direct_if_all_are(n, {n.body, n.handler, n.finalizer});
    return n;
}

}  // namespace gatherd::api::plan
