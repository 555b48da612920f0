/// \file
/// How long an evaluation goes on before others have their turn.
#pragma once

#include <algorithm>
#include <coroutine>
#include <cstddef>
#include <utility>

#include "gatherd/executor/detail/task_state.hpp"

namespace gatherd::api::plan {

/// After so many steps, each of them a call that looks at few values, an evaluation lets others run: some tens of
/// microseconds.
constexpr std::size_t steps_a_turn = 256;

/// Counts the steps of one evaluation.
class turn {
public:
    /// What a thread evaluates takes so many steps: those of its next turn to end.
    static void take(std::size_t steps) noexcept { taken_ += steps; }

    /// One more child has been evaluated or begun, in so many steps as were taken for it, and in one at least. True:
    /// the turn is over, and another one begins.
    [[nodiscard]] bool is_over_after_child() noexcept {
        steps_ += std::max<std::size_t>(std::exchange(taken_, 0), 1);
        if (steps_ < steps_a_turn) {
            return false;
        }
        steps_ = 0;
        if (executor::worker* const here = executor::worker::current()) {
            here->poll_if_late();
        }
        return true;
    }

private:
    std::size_t steps_ = 0;
    static inline thread_local constinit std::size_t taken_ = 0;
};

/// `co_await give_way{}`: lets other work run. Unlike executor::yield it keeps the task's place among the tasks of a
/// seeded program, where nothing else of that program runs in between. Raises cancelled_error.
class [[nodiscard]] give_way final : public executor::wait_point {
public:
    using native_awaiter = void;

    [[nodiscard]] bool await_ready() const noexcept { return false; }
    bool await_suspend(std::coroutine_handle<> coroutine) noexcept {
        while (executor::worker::current()->spend_budget()) {  // with none left it is put off
        }
        return executor::task_state::current().suspend_within_budget(coroutine, *this);
    }
    void await_resume() const { executor::task_state::current().throw_if_cancelled(); }

    /// There is nothing to wait for.
    bool arm(executor::task_state& /*waiter*/) noexcept override { return false; }
    cancellation cancel(executor::task_refs& /*awaited*/) noexcept override { return cancellation::too_late; }
};

}  // namespace gatherd::api::plan
