/// \file
/// Something that a client must have done by a certain time.
#pragma once

#include <chrono>
#include <memory>
#include <utility>

#include "gatherd/executor/scheduler.hpp"
#include "gatherd/executor/timer.hpp"

namespace gatherd::api::server {

/// An timer that knows whether it is set.
///
/// Threads: one worker's at a time, on which it rings as well.
class deadline {
public:
    [[nodiscard]] bool is_set() const noexcept { return state_ != nullptr && state_->is_set; }

    /// Calls `late` when that time is over, unless clear() comes before; it is not set any more then. A time of 0 is
    /// never over.
    template <typename Late>
    void set(executor::scheduler& on, std::chrono::nanoseconds time, Late late) {
        if (state_ == nullptr) {
            state_ = std::make_unique<state>();
        }
        state_->is_set = true;
        if (time.count() == 0) {
            state_->timer.cancel();
            return;
        }
        // `late` keeps alive what this is a part of.
        state_->timer.set(on, time, [of = state_.get(), late = std::move(late)] {
            if (std::exchange(of->is_set, false)) {
                late();
            }
        });
    }

    void clear() noexcept {
        if (state_ != nullptr) {
            state_->is_set = false;
            state_->timer.cancel();
        }
    }

    /// Until resume() it does not ring: for a move to another worker. On the worker where it was set.
    void suspend() noexcept {
        if (state_ != nullptr) {
            state_->timer.suspend();
        }
    }

    /// It rings on the calling worker from now on.
    void resume(executor::scheduler& on) noexcept {
        if (state_ != nullptr) {
            state_->timer.resume(on);
        }
    }

private:
    struct state {
        executor::timer timer;
        bool is_set = false;
    };
    std::unique_ptr<state> state_;  // none until it is first set: each client has four, and most are never needed
};

}  // namespace gatherd::api::server
