/// \file
/// Destroys what is large on a thread where nobody waits for that.
#pragma once

#include <utility>

#include "gatherd/executor/allocated_memory.hpp"
#include "gatherd/executor/scheduler.hpp"
#include "gatherd/executor/to_thread.hpp"

namespace gatherd::api::plan {

/// Destroys what takes long to destroy: on the compute pool if the caller is a worker, else here. Nobody waits for it,
/// so the order of a seeded program's events does not hang on it. What it frees is taken from the account of whoever
/// dropped it.
template <typename Held>
void drop_aside(Held held) noexcept {
    if (executor::scheduler::current() == nullptr) {
        return;
    }
    executor::compute_detached([held = std::move(held), owner = executor::memory_owner{}]() mutable {
        owner.charge([&held] { const Held dropped = std::move(held); });
    });
}

}  // namespace gatherd::api::plan
