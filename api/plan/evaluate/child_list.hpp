/// \file
/// The children of a gather, map or sequence, whichever it is.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "api/plan/evaluate/child_tasks.hpp"
#include "api/plan/model/failure.hpp"
#include "api/plan/model/node.hpp"
#include "gatherd/executor/task.hpp"

namespace gatherd::api::plan {

class program;

/// A node that has children, seen as the list of them: of a map they are items and no nodes.
///
/// Threads: any number may read. What it refers to, a plan's nodes, outlives it.
struct child_list {
    const node& parent;
    std::size_t size;
    const gather_options& options;
    std::shared_ptr<const value> computed{};  ///< the list that the items of a map are in, unless they are in the plan

    [[nodiscard]] bool is_map() const { return parent.is == kind::map; }
    [[nodiscard]] const map_node& map() const { return static_cast<const map_node&>(parent); }
    [[nodiscard]] const list_node& list() const { return static_cast<const list_node&>(parent); }

    /// Whether it may be evaluated by now().
    [[nodiscard]] bool is_instant(std::size_t i) const {
        return is_map() ? map().is_instant || are_direct() : list().children[i]->ends_at_once();
    }
    /// Whether no child has to be evaluated as a coroutine. Cost: linear in them.
    [[nodiscard]] bool all_end_at_once() const {
        return is_map() ? map().is_instant : std::ranges::all_of(list().children, &node::ends_at_once);
    }
    /// Whether they are the items of a map that may be evaluated by now(), unless they turn out to be large.
    [[nodiscard]] bool are_direct() const;

    [[nodiscard]] place place_of(std::size_t i) const {
        if (!is_map()) {
            return {list().children[i]};
        }
        return map().body != nullptr ? place{map().body} : place{&parent, static_cast<std::uint32_t>(i)};
    }

    /// The item of a map that has no listed calls.
    [[nodiscard]] const value& item(std::size_t i) const;

    /// What a child of a gather, a sequence or a map of listed calls gives that is_instant, at once.
    [[nodiscard]] outcome instant(std::size_t i, program& p) const;

    /// What a child that is_instant gives, at once; or nothing: it is large after all, and to be evaluated by later().
    [[nodiscard]] std::optional<outcome> now(std::size_t i, const environment_ptr& names, program& p) const;

    /// The failure of a child as that of all: it says of which item it is.
    [[nodiscard]] failure_ptr failed(std::size_t i, const failure_ptr& reason) const;

    /// A child as a coroutine.
    [[nodiscard]] executor::task<outcome> later(std::size_t i, environment_ptr names, program& p) const;
};

/// Of a gather, a sequence, or a map of listed calls.
[[nodiscard]] child_list children_of(const node& n);

/// Of a map whose items are in the plan, or in a computed list.
[[nodiscard]] child_list items_of(const map_node& n, std::shared_ptr<const value> computed);

}  // namespace gatherd::api::plan
