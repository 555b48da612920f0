#include "api/plan/read_task.hpp"

#include <exception>
#include <optional>
#include <string>

#include "api/plan/members.hpp"
#include "api/plan/read_calls.hpp"
#include "api/plan/read_inner.hpp"
#include "api/plan/read_lists.hpp"
#include "api/plan/read_names.hpp"
#include "api/protocol/json_pointer.hpp"
#include "api/protocol/json_value.hpp"

namespace gatherd::api::plan {
namespace {

using protocol::json_view;

/// What most tasks of large plans are: `call`, perhaps `args` after it, and no other member. Null where it is
/// anything else, or names no function: what that is, read_any finds out.
const node* read_plain_call(plan_builder& b, json_view task, const branch& where, const names_in_force* names) {
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

kind the_kind(const members& m, const node& where) {
    const std::optional<kind> is = m.kind_after();
    if (!is) {
        refuse(where, "", m.stranger() ? "unknown kind of task " + quoted(*m.stranger()) : "a task needs a kind",
               "the kinds are " + list_of_kinds());
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
    value& constant = b.into().make_values(1)[0];
    constant = protocol::to_value(own);
    n.constant = &constant;
    n.is_instant = true;
    return n;
}

const node& read_kind(plan_builder& b, kind is, const members& m, const node& where, const names_in_force* names) {
    switch (is) {
        case kind::call:
            return read_call(b, m, where, names);
        case kind::map:
            return read_map(b, m, where, names);
        case kind::value:
            return read_value(b, *m[is], where);
        case kind::ref:
            return read_ref(b, *m[is], where, names);
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
    }
    std::terminate();  // every kind is above
}

const node& read_any(plan_builder& b, json_view task, const node& where, const names_in_force* names) {
    b.count(1);
    if (!task.is_object()) {
        refuse(where, "", "a task is an object with one of: " + list_of_kinds());
    }
    const members m{task};
    const kind is = the_kind(m, where);
    if (const auto name = m.unknown_to(is)) {
        const std::string known = list_of_options(is);
        refuse(where, '/' + protocol::pointer_step(*name),
               "unknown option " + quoted(*name) + " of " + std::string{name_of(is)},
               known.empty() ? "it takes none" : "it takes " + known);
    }
    return read_kind(b, is, m, where, names);
}

}  // namespace

const node& read_task(plan_builder& b, json_view task, const branch& where, const names_in_force* names) {
    if (const node* const call = read_plain_call(b, task, where, names)) {
        return *call;
    }
    // The place is needed before the node is there, for a fault in it.
    return read_any(b, task, b.make_at<node>(where, kind::value), names);
}

}  // namespace gatherd::api::plan
