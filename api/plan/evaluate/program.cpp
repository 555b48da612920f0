#include "api/plan/evaluate/program.hpp"

#include <utility>

#include "api/plan/evaluate/child_tasks.hpp"
#include "api/plan/evaluate/evaluate.hpp"

namespace gatherd::api::plan {

namespace {

constexpr std::chrono::seconds between_clean_up_cancels{1};

}  // namespace

python_random& generator_of_this_thread() {
    thread_local python_random own;
    return own;
}

program::program(executor::scheduler& on, std::shared_ptr<const plan> what, program_options options,
                 const limits& bounds, std::shared_ptr<program_observer> observer)
    : task_scope{on, options.generator ? executor::ordering::serial : executor::ordering::parallel},
      plan_{std::move(what)},
      generator_{std::move(options.generator)},
      timeout_{options.timeout},
      limits_{bounds},
      observer_{std::move(observer)} {}

program::~program() = default;

void program::prepare() {
    root_ = executor::prepare_task_in(*this, evaluate(plan_->root(), nullptr, *this));
    root_.ref()->add_continuation(watch_);
}

void program::start() {
    alive_ = shared_from_this();
    if (timeout_ && timeout_->count() <= 0) {
        request_cancel(program_end::way::timed_out, {});  // as wait_for in no time: the root never runs
    } else if (timeout_) {
        timeout_timer_.set(runs_on(), *timeout_,
                           [self = shared_from_this()] { self->request_cancel(program_end::way::timed_out, {}); });
    }
    root_.start(true);
}

bool program::cancel(const std::string& message) noexcept {
    if (root_.done()) {
        return false;
    }
    request_cancel(program_end::way::cancelled, message);
    return true;
}

void program::request_cancel(program_end::way why, const std::string& message) noexcept {
    auto nobody = program_end::way::returned;
    cancelled_by_.compare_exchange_strong(nobody, why);  // the first reason is the one that is told
    root_.cancel(message);
    arm_clean_up(limits_.cleanup_time);
}

void program::arm_clean_up(std::chrono::nanoseconds delay) noexcept {
    const std::lock_guard guard{timer_lock_};
    if (!is_over_) {
        clean_up_timer_.set(runs_on(), delay, [self = shared_from_this()] {
            self->cancel_all();
            self->arm_clean_up(between_clean_up_cancels);
        });
    }
}

void program::root_ended(executor::continuation& watch, executor::task_state&) noexcept {
    program& self = static_cast<root_watch&>(watch).owner;
    if (self.size() > 1) {  // the root itself is still counted
        self.arm_clean_up(self.limits_.cleanup_time);
    }
    self.close();
}

void program::on_drained() noexcept {
    {
        const std::lock_guard guard{timer_lock_};
        is_over_ = true;
        timeout_timer_.cancel();
        clean_up_timer_.cancel();
    }
    {
        const std::lock_guard guard{output_lock_};
        is_silent_ = true;
    }
    const std::shared_ptr<program> alive = std::move(alive_);
    observer_->ended(end_of(outcome_of(root_, {&plan_->root()})));
}

program_end program::end_of(outcome result) noexcept {
    const auto by = cancelled_by_.load();
    if (by == program_end::way::over_limit) {
        return {by, std::move(result), exceeded_.load()};
    }
    if (result.has_value()) {
        return {program_end::way::returned, std::move(result), nullptr};
    }
    const bool is_cancellation = result.reason()->is_cancellation();
    return {is_cancellation && by != program_end::way::returned ? by : program_end::way::failed, std::move(result),
            nullptr};
}

void program::print(std::string line) {
    {
        const std::lock_guard guard{output_lock_};
        if (is_silent_) {
            return;
        }
        if (++lines_ <= limits_.output_lines) {
            observer_->printed(std::move(line));
            return;
        }
    }
    exceed("limits.output_lines");
}

void program::exceed(const char* limit) noexcept {
    const char* none = nullptr;
    exceeded_.compare_exchange_strong(none, limit);  // the first one is told
    request_cancel(program_end::way::over_limit, {});
}

bool program::account_for(std::size_t bytes) noexcept {
    constexpr std::size_t small = 1024;  // as much is taken for every task when the plan is let in
    if (bytes < small || observer_->may_hold(bytes)) {
        return true;
    }
    exceed("limits.memory_bytes");
    return false;
}

python_random& program::random() {
    return generator_ ? *generator_ : generator_of_this_thread();
}

std::unique_lock<std::mutex> program::generator_turn() {
    return generator_ ? std::unique_lock{generator_lock_} : std::unique_lock<std::mutex>{};
}

}  // namespace gatherd::api::plan
