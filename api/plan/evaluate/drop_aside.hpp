/// \file
/// Destroys what is large on a thread where nobody waits for that.
#pragma once

#include <exception>
#include <utility>

#include "api/plan/evaluate/call.hpp"
#include "api/plan/evaluate/program.hpp"
#include "gatherd/executor/errors.hpp"
#include "gatherd/executor/task.hpp"
#include "gatherd/executor/to_thread.hpp"

namespace gatherd::api::plan {

/// Whether it has a value whose end takes long.
[[nodiscard]] inline bool is_large(const outcome& made) noexcept {
    return made.has_value() && are_large({&made.result(), 1});
}

/// Destroys values that a program does not need any more, on the compute pool. For such as are large: to take five
/// million of them apart takes a third of a second, as long as to make them. Gives `next` afterwards, or the failure if
/// the awaiting task is cancelled meanwhile.
///
/// In a seeded program it destroys them here: when a thread is ready would decide what runs before what.
template <typename Held>
executor::task<outcome> drop_aside(Held held, outcome next, place where, program& p) {
    if (p.is_seeded()) {
        co_return next;
    }
    auto body = [held = std::move(held), owner = p.shared_from_this()]() mutable {
        const executor::memory_turn turn{&owner->memory()};
        const Held dropped = std::move(held);
    };
    auto dropping = executor::compute_unjoined(std::move(body));
    try {
        co_await dropping;
    } catch (const executor::cancelled_error& e) {
        co_return cancelled_at(where, e);
    } catch (const std::exception&) {  // no thread can be started: they are destroyed by now
    }
    co_return next;
}

}  // namespace gatherd::api::plan
