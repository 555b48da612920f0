/// \file
/// From JSON to the arguments of a call, bound to its function's parameters, and the tasks in them: `{"await": TASK}`
/// or `{"ref": NAME}` at any depth.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "api/plan/check/plan_builder.hpp"
#include "api/plan/check/read_task.hpp"
#include "api/plan/model/function.hpp"
#include "api/plan/model/node.hpp"
#include "api/protocol/json_view.hpp"
#include "gatherd/api/value.hpp"

namespace gatherd::api::plan {

/// How a path goes on below a node: made to a text only where there is a fault or a task to place.
struct step_below {
    std::string_view member;
    std::uint32_t item = place::no_item;

    [[nodiscard]] std::string text() const;
};

/// Whose arguments they are.
struct argument_site {
    const function& callee;
    const node& at;             ///< the call, or the map
    step_below below;           ///< from there: "/args", or one of "/over"
    const symbol_scope* names;  ///< what refs in them may name, or null
    bool is_literal = false;    ///< nothing in them is looked into
};

/// Binds a list or an object; tasks in it are read, and their values left open. Refuses what does not fit.
[[nodiscard]] call_arguments read_arguments(plan_builder& b, const argument_site& site, protocol::json_view args);

/// Binds nothing at all: defaults only. Refuses where one is missing.
[[nodiscard]] std::span<const value> default_arguments(plan_builder& b, const argument_site& site);

/// A task that stands for data.
struct awaited_task {
    protocol::json_view own;  ///< of `{"await": TASK}` the task, of `{"ref": NAME}` the name
    bool is_ref;              ///< the latter
};

/// What an argument awaits, if it is `{"await": TASK}` or `{"ref": NAME}` and nothing else.
[[nodiscard]] std::optional<awaited_task> as_await(protocol::json_view argument);

/// Whether there is one in it, or it is one. Cost: linear in its text.
[[nodiscard]] bool has_await(protocol::json_view argument);

/// Reads such a task; `path`: of what holds it, from `at`.
[[nodiscard]] const node& read_await(plan_builder& b, const awaited_task& task, const node& at, const std::string& path,
                                     const symbol_scope* names);

/// Which argument they are in, and what collects them.
struct await_site {
    const node& at;             ///< the call, or the map
    const symbol_scope* names;  ///< what refs in them may name, or null
    std::uint32_t argument;     ///< as in `awaited_part`
    std::vector<awaited_part>& parts;
};

/// An argument that has tasks in it: they become parts, null for the time being. `path`: of it, from the site's node.
[[nodiscard]] value read_awaits(plan_builder& b, const await_site& site, protocol::json_view argument,
                                const std::string& path);

}  // namespace gatherd::api::plan
