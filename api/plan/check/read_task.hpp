/// \file
/// From JSON to a node: any kind of TASK.
///
/// In all functions here, `where` stands where the new node is to stand, and `names` is what refs may name, or null.
/// All throw `refused`.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string_view>

#include "api/plan/check/plan_builder.hpp"
#include "api/plan/check/task_members.hpp"
#include "api/plan/model/node.hpp"
#include "api/protocol/json_view.hpp"

namespace gatherd::api::plan {

/// The names in force at a place of a plan, while it is read: those of one let or try, then those around it. Views into
/// the message's text; on the stack of what reads the let or try.
struct symbol_scope {
    const symbol_scope* outer = nullptr;
    std::map<std::string_view, std::uint32_t> slots{};  ///< of its environment, when it runs
    bool holds_value = false;                           ///< an item of a map or an error, and no tasks
};

/// Reads a TASK, with all the tasks in it, into a node that stands at `where`. `names`: what its refs may name, or
/// null. Throws `refused`. Cost: linear in its text.
[[nodiscard]] const node& read_task(plan_builder& b, protocol::json_view task, const branch& where,
                                    const symbol_scope* names);

[[nodiscard]] const node& read_call(plan_builder& b, const task_members& m, const node& where,
                                    const symbol_scope* names);

[[nodiscard]] const node& read_map(plan_builder& b, const task_members& m, const node& where,
                                   const symbol_scope* names);

/// The arguments of a call whose callee is known, and what follows from them: whether it is instant, or a sleep.
/// Without `args` it has none but defaults.
void read_call_arguments(plan_builder& b, call_node& n, const std::optional<protocol::json_view>& args,
                         const symbol_scope* names, bool is_literal = false);

/// What a map is made of, as a kind or as the params of a method. Steps are how the path goes on to a member.
struct map_members {
    protocol::json_view own;    ///< a function's name, or a task
    std::string_view own_step;  ///< to it
    bool has_task;
    std::optional<protocol::json_view> as;
    protocol::json_view over;
    bool is_literal = false;
};

/// The callee or the task of a map whose options and over_step are known, and its items. An item of a callee is a task.
void read_mapped(plan_builder& b, map_node& n, const map_members& given, const symbol_scope* names);

/// Of the kind `is`: any but wait and any.
[[nodiscard]] const node& read_list(plan_builder& b, kind is, const task_members& m, const node& where,
                                    const symbol_scope* names);

[[nodiscard]] const node& read_wait(plan_builder& b, const task_members& m, const node& where,
                                    const symbol_scope* names);

[[nodiscard]] const node& read_any_of(plan_builder& b, const task_members& m, const node& where,
                                      const symbol_scope* names);

/// The children of a list, which is an array; `step`: how their paths go on. It is instant or direct when all of them
/// are.
void read_children(plan_builder& b, list_node& n, protocol::json_view list, std::string_view step,
                   const symbol_scope* names);

/// Of the kind `is`: any but retry.
[[nodiscard]] const node& read_inner(plan_builder& b, kind is, const task_members& m, const node& where,
                                     const symbol_scope* names);

[[nodiscard]] const node& read_retry(plan_builder& b, const task_members& m, const node& where,
                                     const symbol_scope* names);

[[nodiscard]] const node& read_if(plan_builder& b, const task_members& m, const node& where, const symbol_scope* names);

/// `own`: what the member ref is. `hint`: what to do about a name that is not in force.
[[nodiscard]] const node& read_ref(plan_builder& b, protocol::json_view own, const node& where,
                                   const symbol_scope* names, std::string_view hint);

/// Each task of a let sees the names of those before it, the body all.
[[nodiscard]] const node& read_let(plan_builder& b, const task_members& m, const node& where,
                                   const symbol_scope* names);

/// The name of the error is in force in except only.
[[nodiscard]] const node& read_try(plan_builder& b, const task_members& m, const node& where,
                                   const symbol_scope* names);

}  // namespace gatherd::api::plan
