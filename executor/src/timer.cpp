#include "gatherd/executor/timer.hpp"

#include <algorithm>
#include <utility>

#include "gatherd/executor/detail/time_after.hpp"
#include "gatherd/executor/detail/timer_wheel.hpp"
#include "gatherd/executor/scheduler.hpp"

namespace gatherd::executor {

struct timer::state : timer_node {
    explicit state(std::function<void()> then) : timer_node{&fired}, callback{std::move(then)} {}

    static void fired(timer_node& self) noexcept {
        auto& me = static_cast<state&>(self);
        const std::shared_ptr<state> alive = std::move(me.wheels_own);
        me.callback();
        me.callback = nullptr;
    }

    [[nodiscard]] clock::time_point deadline() const noexcept { return deadline_; }

    std::function<void()> callback;
    bool is_suspended = false;
    std::shared_ptr<state> wheels_own;  // while the wheel has it
};

void timer::set(scheduler& pool, std::chrono::nanoseconds delay, std::function<void()> callback) {
    cancel();
    state_ = std::make_shared<state>(std::move(callback));
    state_->wheels_own = state_;
    pool.add_callback(pool.timer_home(), *state_, time_after(delay));
}

bool timer::cancel() noexcept {
    if (state_ == nullptr || (!state_->is_suspended && !timer_wheel::remove(*state_))) {
        state_.reset();
        return false;
    }
    state_->wheels_own.reset();
    state_->callback = nullptr;
    state_.reset();
    return true;
}

void timer::suspend() noexcept {
    if (state_ != nullptr && timer_wheel::remove(*state_)) {
        state_->is_suspended = true;
        state_->wheels_own.reset();
    }
}

void timer::resume(scheduler& pool) noexcept {
    if (state_ != nullptr && std::exchange(state_->is_suspended, false)) {
        state_->wheels_own = state_;
        pool.add_callback(pool.timer_home(), *state_, state_->deadline());
    }
}

}  // namespace gatherd::executor
