/// \file
/// A plan in memory: one struct for each kind of TASK.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "api/plan/model/failure.hpp"
#include "api/plan/model/function.hpp"
#include "gatherd/api/value.hpp"
#include "gatherd/executor/wait.hpp"

namespace gatherd::api::plan {

/// The kinds of TASK: docs/PROTOCOL.md.
enum class kind : std::uint8_t {
    call,
    map,
    value,
    ref,
    gather,
    task_group,
    wait,
    wait_for,
    race,
    shield,
    sequence,
    let,
    try_,
    retry,
    to_thread,
    if_,
    any,
};

/// A node of the tree. Nodes live in their plan's arena, never change once checked, and own nothing: what they point to
/// lives as long as the plan. Threads: any number may read.
struct node {
    /// What takes more is not evaluated in one piece, so that others have their turn.
    static constexpr std::uint16_t most_steps = 1024;
    static constexpr std::uint16_t too_many_steps = most_steps + 1;

    explicit node(kind its_kind) noexcept : is{its_kind} {}

    kind is;
    bool is_instant : 1 = false;              ///< evaluating it cannot wait: it needs no coroutine
    bool is_direct : 1 = false;               ///< the same, once its names hold values that are not large
    bool prints : 1 = false;                  ///< of an instant one: some of its calls do
    std::uint16_t steps = 1;                  ///< of these: about how many steps of a turn; at most too_many_steps
    std::uint32_t position = place::no_item;  ///< in its parent's list; the path ends with it, after `step`
    const node* parent = nullptr;
    const std::string_view* step = nullptr;  ///< how its parent's path goes on: "/gather", "/let/a", "/args/0/await"

    /// Whether it is evaluated in one piece.
    [[nodiscard]] bool ends_at_once() const noexcept { return is_instant && steps <= most_steps; }

    /// So many steps; and whether it is direct if they are not too many.
    void take_steps(std::size_t count, bool may_be_direct) noexcept {
        steps = static_cast<std::uint16_t>(std::min<std::size_t>(count, too_many_steps));
        is_direct = may_be_direct && steps <= most_steps;
    }
};

/// A task in the arguments of a call, and where its result goes.
struct awaited_part {
    const node* task;
    std::uint32_t argument;                ///< index into call_arguments::bound
    std::span<const std::uint32_t> place;  ///< positions from there downwards
};

/// What of the arguments of a call tasks have to give first: few calls have that.
struct awaited_arguments {
    std::span<const awaited_part> parts;  ///< in the order of their evaluation
    const node* whole = nullptr;          ///< args is itself {"await": TASK}: bound when it has run
};

/// The arguments of one call, bound to its function's parameters.
struct call_arguments {
    std::span<const value> bound;
    const awaited_arguments* awaited = nullptr;  ///< none: all are there
};

struct value_node : node {
    value_node() noexcept : node{kind::value} {}
    const value* constant = nullptr;
};

struct call_node : node {
    call_node() noexcept : node{kind::call} {}
    const function* callee = nullptr;
    call_arguments arguments{};
};

/// Of gather and map.
struct gather_options {
    bool return_exceptions = false;
    std::size_t limit = 0;  ///< children at once; 0: all
};

/// Of a function or of a task, over a list that stands in the plan or over one that a task gives.
struct map_node : node {
    map_node() noexcept : node{kind::map} {}
    const function* callee = nullptr;
    std::span<const call_arguments> over;
    std::string_view over_step = "/over";  ///< how the path of an item goes on
    gather_options options{};
    const node* body = nullptr;       ///< the task, in an environment that holds the item; or none, but a callee
    std::span<const value> items;     ///< of the task, where they stand in the plan
    const node* over_task = nullptr;  ///< gives the items: any values for a task, args for a callee
    std::size_t body_tasks = 1;       ///< nodes of the task

    /// Whether an item has a place of its own in the plan's text.
    [[nodiscard]] bool has_listed_calls() const noexcept { return body == nullptr && over_task == nullptr; }
};

/// gather, task_group, race, any, sequence.
struct list_node : node {
    using node::node;
    std::span<const node* const> children;
    gather_options options{};  ///< of gather
};

struct wait_node : list_node {
    wait_node() noexcept : list_node{kind::wait} {}
    std::optional<std::chrono::nanoseconds> timeout;
    executor::return_when when = executor::return_when::all_completed;
};

/// shield, wait_for, to_thread.
struct inner_node : node {
    using node::node;
    const node* inner = nullptr;
    std::optional<std::chrono::nanoseconds> timeout;  ///< of wait_for
};

struct retry_node : node {
    retry_node() noexcept : node{kind::retry} {}
    const node* inner = nullptr;
    std::uint64_t attempts = 1;
    double delay = 0;
    double factor = 1;
    std::optional<double> max_delay;
};

struct if_node : node {
    if_node() noexcept : node{kind::if_} {}
    const node* condition = nullptr;
    const node* then = nullptr;
    const node* otherwise = nullptr;  ///< else, or none
};

struct any_node : list_node {
    any_node() noexcept : list_node{kind::any} {}
    std::optional<std::chrono::nanoseconds> stagger;  ///< none: all start at once
};

struct let_node : node {
    let_node() noexcept : node{kind::let} {}
    std::span<const node* const> tasks;
    const node* body = nullptr;
};

struct ref_node : node {
    ref_node() noexcept : node{kind::ref} {}
    std::uint32_t levels = 0;  ///< how many environments outwards
    std::uint32_t slot = 0;    ///< which name of that one
    bool names_value = false;  ///< an item of a map or an error, and no task
};

struct try_node : node {
    try_node() noexcept : node{kind::try_} {}
    const node* body = nullptr;
    const node* handler = nullptr;  ///< except, or none
    const node* finalizer = nullptr;
    std::span<const std::string_view> types;  ///< none: all but CancelledError
    bool names_error = false;                 ///< `as`: the handler has an environment of its own
};

/// JSON pointer into the params of the request. What is written of one that is longer than `most` bytes is at least as
/// long.
[[nodiscard]] std::string pointer_to(const place& where, std::size_t most = ~std::size_t{0});

/// Seconds of the wire, saturating; what is beyond some 290 years counts as that.
[[nodiscard]] std::chrono::nanoseconds to_duration(double seconds) noexcept;

}  // namespace gatherd::api::plan
