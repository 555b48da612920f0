/// \file
/// Something that a client must have done by a certain time.
#pragma once

#include <algorithm>
#include <chrono>
#include <functional>
#include <memory>
#include <utility>

#include "gatherd/executor/scheduler.hpp"
#include "gatherd/executor/timer.hpp"

namespace gatherd::api::server {

/// A timer that knows whether it is set, and that can be stopped and go on, like a chess clock: it runs only while it
/// is the client's turn.
///
/// Threads: one worker's, on which it rings as well.
class deadline {
public:
    [[nodiscard]] bool is_set() const noexcept { return state_ != nullptr && state_->late != nullptr; }

    /// Calls `late` when that time is over, unless clear() comes before; it is not set any more then. A time of 0 is
    /// never over.
    void set(executor::scheduler& on, std::chrono::nanoseconds time, std::function<void()> late) {
        if (state_ == nullptr) {
            state_ = std::make_unique<state>();
        }
        clear();
        state_->late = std::move(late);
        state_->left = time;
        go_on(on);
    }

    void clear() noexcept {
        if (state_ != nullptr) {
            state_->timer.cancel();
            state_->is_running = false;
            state_->late = nullptr;
        }
    }

    /// Stops the clock. The time that is left is kept for go_on().
    void pause() noexcept {
        if (is_set() && state_->is_running) {
            state_->timer.cancel();
            state_->is_running = false;
            state_->left = std::max(state_->ends - clock::now(), std::chrono::nanoseconds{1});
        }
    }

    /// Runs the clock for the time that is left. Nothing if it is not set, or runs already.
    void go_on(executor::scheduler& on) {
        if (!is_set() || state_->is_running || state_->left.count() == 0) {
            return;
        }
        state_->is_running = true;
        state_->ends = clock::now() + state_->left;
        state_->timer.set(on, state_->left, [of = state_.get()] {
            of->is_running = false;
            if (const auto late = std::exchange(of->late, nullptr)) {
                late();
            }
        });
    }

private:
    using clock = std::chrono::steady_clock;

    struct state {
        executor::timer timer;
        std::function<void()> late;        // null: not set
        std::chrono::nanoseconds left{0};  // 0: no limit
        clock::time_point ends{};          // while it runs
        bool is_running = false;
    };
    std::unique_ptr<state> state_;  // none until it is first set: each client has four, and most are never needed
};

}  // namespace gatherd::api::server
