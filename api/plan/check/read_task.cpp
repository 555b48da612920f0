#include "api/plan/check/read_task.hpp"

#include <exception>
#include <optional>
#include <string>

#include "api/plan/check/task_members.hpp"
#include "api/protocol/json_pointer.hpp"
#include "api/protocol/json_value.hpp"

namespace gatherd::api::plan {

namespace {

using protocol::json_view;

/// What most tasks of large plans are: `call`, perhaps `args` after it, and no other member. Null where it is
/// anything else, or names no function: what that is, read_any finds out.
const node* read_plain_call(plan_builder& b, json_view task, const branch& where, const symbol_scope* names) {
    if (!task.is_object()) {
        return nullptr;
    }
    const auto members = task.members();
    auto each = members.begin();
    if (each == members.end() || !is_same_name((*each).name, "call") || !(*each).value.is_string()) {
        return nullptr;
    }
    const function* const callee = b.known_function((*each).value.as_string());
    if (callee == nullptr) {
        return nullptr;
    }
    std::optional<json_view> args;
    if (++each != members.end()) {
        if (!is_same_name((*each).name, "args")) {
            return nullptr;
        }
        args = (*each).value;
        if (++each != members.end()) {
            return nullptr;
        }
    }
    b.count(1);
    call_node& n = b.make_at<call_node>(where);
    n.callee = callee;
    read_call_arguments(b, n, args && !args->is_null() ? args : std::nullopt, names);
    return &n;
}

kind the_kind(const task_members& m, const node& where) {
    const std::optional<kind> is = m.kind_after();
    if (!is) {
        const std::string_view misspelt = m.unknown_member().value_or(std::string_view{});
        refuse(where, "", m.unknown_member() ? "unknown kind of task " + quoted(misspelt) : "a task needs a kind",
               m.unknown_member() ? hint_of_kind(misspelt) : "the kinds are " + list_of_kinds());
    }
    if (const std::optional<kind> another = m.kind_after(is)) {
        refuse(where, "",
               "a task has exactly one kind, this one has '" + std::string{name_of(*is)} + "' and '" +
                   std::string{name_of(*another)} + "'");
    }
    return *is;
}

const node& read_value(plan_builder& b, json_view own, const node& where) {
    value_node& n = b.make_at<value_node>(where);
    value& constant = b.target().make_values(1)[0];
    constant = protocol::to_value(own);
    n.constant = &constant;
    n.is_instant = true;
    const bool is_large = are_large({&constant, 1});
    n.take_steps(is_large ? node::too_many_steps : steps_to_read({&constant, 1}), !is_large);
    return n;
}

const node& read_kind(plan_builder& b, kind is, const task_members& m, const node& where, const symbol_scope* names) {
    switch (is) {
        case kind::call:
            return read_call(b, m, where, names);
        case kind::map:
            return read_map(b, m, where, names);
        case kind::value:
            return read_value(b, *m[is], where);
        case kind::ref:
            return read_ref(b, *m[is], where, names,
                            "a ref names a task of a let around it, an earlier one of the same let, what try's 'as' "
                            "names, or a map's item");
        case kind::gather:
        case kind::task_group:
        case kind::race:
        case kind::sequence:
            return read_list(b, is, m, where, names);
        case kind::wait:
            return read_wait(b, m, where, names);
        case kind::wait_for:
        case kind::shield:
        case kind::to_thread:
            return read_inner(b, is, m, where, names);
        case kind::let:
            return read_let(b, m, where, names);
        case kind::try_:
            return read_try(b, m, where, names);
        case kind::retry:
            return read_retry(b, m, where, names);
        case kind::if_:
            return read_if(b, m, where, names);
        case kind::any:
            return read_any_of(b, m, where, names);
    }
    std::terminate();  // every kind is above
}

const node& read_any(plan_builder& b, json_view task, const node& where, const symbol_scope* names) {
    b.count(1);
    if (!task.is_object()) {
        refuse(where, "", "a task is an object with one of: " + list_of_kinds());
    }
    const task_members m{task};
    const kind is = the_kind(m, where);
    if (const auto name = m.unknown_to(is)) {
        refuse(where, '/' + protocol::pointer_step(*name),
               "unknown option " + quoted(*name) + " of " + std::string{name_of(is)}, hint_of_option(is, *name));
    }
    return read_kind(b, is, m, where, names);
}

}  // namespace

const node& read_task(plan_builder& b, json_view task, const branch& where, const symbol_scope* names) {
    if (const node* const call = read_plain_call(b, task, where, names)) {
        return *call;
    }
    // The place is needed before the node is there, for a fault in it.
    return read_any(b, task, b.make_at<node>(where, kind::value), names);
}

const node& read_inner(plan_builder& b, kind is, const task_members& m, const node& where, const symbol_scope* names) {
    inner_node& n = b.make_at<inner_node>(where, is);
    if (is == kind::wait_for) {
        if (!m[option::timeout]) {
            refuse(where, "", "wait_for misses its 'timeout'", "seconds, or null for none");
        }
        if (const auto timeout = read_seconds(m, option::timeout, where)) {
            n.timeout = to_duration(*timeout);
        }
    }
    n.inner = &read_task(b, *m[is], {&n, step_of(is)}, names);
    if (is == kind::to_thread) {
        const auto* const call = static_cast<const call_node*>(n.inner);
        if (n.inner->is != kind::call || call->callee->is_async()) {
            refuse(where, "/to_thread", "to_thread takes a call of a function that is not async");
        }
    }
    return n;
}

const node& read_retry(plan_builder& b, const task_members& m, const node& where, const symbol_scope* names) {
    retry_node& n = b.make_at<retry_node>(where);
    if (!m[option::attempts]) {
        refuse(where, "", "retry misses its 'attempts'");
    }
    n.attempts = read_positive(*m[option::attempts], where, "attempts");
    n.delay = read_seconds(m, option::delay, where).value_or(0);
    n.factor = read_seconds(m, option::factor, where).value_or(1);
    n.max_delay = read_seconds(m, option::max_delay, where);
    n.inner = &read_task(b, *m[kind::retry], {&n, "/retry"}, names);
    return n;
}

}  // namespace gatherd::api::plan
