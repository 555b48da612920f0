#include "gatherd/executor/timeout.hpp"

#include <cstdint>
#include <mutex>
#include <stdexcept>

#include "gatherd/executor/detail/task_state.hpp"
#include "gatherd/executor/task_scope.hpp"

namespace gatherd::executor {

/// The part that the timer may still call while the scope ends on another thread.
class timeout_scope::deadline : public timer_node, public std::enable_shared_from_this<deadline> {
public:
    explicit deadline(task_state& task) noexcept
        : timer_node{&fired}, task_{&task}, earlier_requests_{task.cancelling()} {}

    void start(clock::time_point when) {
        wheels_own_ = shared_from_this();
        task_scope& scope = task_->scope();
        scope.runs_on().add_timer(scope.timer_home(), *this, when);
    }

    /// False: it was not started, or it fires.
    bool stop() noexcept {
        if (!timer_wheel::remove(*this)) {
            return false;
        }
        wheels_own_.reset();
        return true;
    }

    /// Cancels the task, unless that was done or the scope has ended.
    void expire() noexcept {
        const std::lock_guard guard{lock_};  // until the request is made: leave() must find it, to take it back
        if (now_ == phase::active) {
            now_ = phase::expiring;
            task_->cancel();
        }
    }

    bool leave() noexcept {
        const std::lock_guard guard{lock_};
        if (now_ == phase::active) {
            now_ = phase::finished;
        }
        if (now_ != phase::expiring) {
            return false;
        }
        now_ = phase::expired;
        return task_->uncancel() <= earlier_requests_;
    }

    [[nodiscard]] bool active() noexcept {
        const std::lock_guard guard{lock_};
        return now_ == phase::active;
    }

    [[nodiscard]] bool expired() noexcept {
        const std::lock_guard guard{lock_};
        return now_ == phase::expiring || now_ == phase::expired;
    }

private:
    enum class phase { active, expiring, expired, finished };

    static void fired(timer_node& self) noexcept {
        auto& me = static_cast<deadline&>(self);
        const std::shared_ptr<deadline> alive = std::move(me.wheels_own_);
        me.expire();
    }

    const task_ref task_;
    const std::uint32_t earlier_requests_;  // to cancel the task, that its clean-up runs after
    std::shared_ptr<deadline> wheels_own_;  // while the wheel has it
    std::mutex lock_;                       // no spin lock: a cancellation may go a long way
    phase now_ = phase::active;             // under lock_
};

timeout_scope::timeout_scope(std::optional<clock::time_point> when)
    : when_{when}, deadline_{std::make_shared<deadline>(task_state::current())} {
    if (when_) {
        deadline_->start(*when_);
    }
}

void timeout_scope::reschedule(std::optional<clock::time_point> when) {
    if (when_ && !deadline_->stop()) {
        deadline_->expire();  // it fires at this moment: what was first is no matter of threads
    }
    if (!deadline_->active()) {
        throw std::logic_error{"Cannot change state of expiring Timeout"};
    }
    when_ = when;
    if (when_) {
        deadline_->start(*when_);
    }
}

bool timeout_scope::expired() const noexcept {
    return deadline_->expired();
}

bool timeout_scope::leave() noexcept {
    deadline_->stop();
    return deadline_->leave();
}

}  // namespace gatherd::executor
