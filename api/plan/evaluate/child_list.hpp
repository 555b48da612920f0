/// \file
/// The children of a gather, map or sequence, whichever it is.
#pragma once

#include <cstddef>
#include <cstdint>
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

    [[nodiscard]] bool is_map() const { return parent.is == kind::map; }
    [[nodiscard]] const map_node& map() const { return static_cast<const map_node&>(parent); }
    [[nodiscard]] const list_node& list() const { return static_cast<const list_node&>(parent); }

    [[nodiscard]] bool is_instant(std::size_t i) const {
        return parent.is_instant || (!is_map() && list().children[i]->is_instant);
    }
    /// How many lines an instant child may print.
    [[nodiscard]] std::size_t lines(std::size_t i) const {
        return is_map() ? std::size_t{map().callee->prints} : list().children[i]->lines;
    }
    [[nodiscard]] place place_of(std::size_t i) const {
        return is_map() ? place{&parent, static_cast<std::uint32_t>(i)} : place{list().children[i]};
    }

    /// What a child that is_instant gives, at once.
    [[nodiscard]] outcome now(std::size_t i, program& p) const;

    /// The same outside a program, as append_instant.
    [[nodiscard]] failure_ptr append(std::string& text, std::size_t i, call_context& context) const;

    /// A child as a coroutine.
    [[nodiscard]] executor::task<outcome> later(std::size_t i, environment_ptr names, program& p) const;
};

[[nodiscard]] child_list children_of(const node& n);

}  // namespace gatherd::api::plan
