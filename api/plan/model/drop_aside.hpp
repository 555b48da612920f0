/// \file
/// Destroys what is large on a thread where nobody waits for that.
#pragma once

#include <span>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "gatherd/api/value.hpp"
#include "gatherd/executor/allocated_memory.hpp"
#include "gatherd/executor/to_thread.hpp"

namespace gatherd::api::plan {

/// Empties lists and objects, the inner ones first. nlohmann's destructor would move all elements of each into a list
/// of its own: as much memory again as they take, when there may be none. Recursion: as deep as values nest.
inline void take_apart(std::span<value> values) noexcept {
    for (value& each : values) {
        if (each.is_array()) {
            auto& elements = each.get_ref<value::array_t&>();
            take_apart(elements);
            elements.clear();
        } else if (each.is_object()) {
            auto& members = each.get_ref<value::object_t&>();
            for (auto& [name, member] : members) {
                take_apart({&member, 1});
            }
            members.clear();
        }
    }
}

/// Destroys values that take long to destroy: on the compute pool if the caller is a worker, else here. Nobody waits
/// for it, so the order of a seeded program's events does not hang on it. What it frees is taken from the account of
/// whoever dropped them.
inline void drop_aside(std::vector<value> held) noexcept {
    executor::compute_detached([held = std::move(held), owner = executor::memory_owner{}]() mutable {
        owner.charge([&held] {
            std::vector<value> dropped = std::move(held);
            take_apart(dropped);
        });
    });
}

}  // namespace gatherd::api::plan
