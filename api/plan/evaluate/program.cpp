#include "api/plan/evaluate/program.hpp"

#include <utility>

#include "api/plan/evaluate/child_tasks.hpp"
#include "api/plan/evaluate/evaluate.hpp"
#include "gatherd/executor/detail/time_after.hpp"

namespace gatherd::api::plan {

namespace {

constexpr std::chrono::seconds between_clean_up_rounds{1};

}  // namespace

python_random& generator_of_this_thread() {
    thread_local python_random own;
    return own;
}

program::program(executor::scheduler& threads, std::shared_ptr<const plan> source, program_options options,
                 const limits& bounds, std::shared_ptr<program_observer> observer)
    : task_scope{threads, options.generator ? executor::ordering::serial : executor::ordering::parallel},
      plan_{std::move(source)},
      generator_{std::move(options.generator)},
      timeout_{options.timeout},
      blocking_places_{std::move(options.blocking_places)},
      client_{options.client},
      record_budget_{std::move(options.records)},
      calls_{std::move(options.calls)},
      limits_{bounds},
      observer_{std::move(observer)} {}

program::~program() = default;

void program::prepare() {
    root_ = executor::prepare_task_in(*this, evaluate(plan_->root(), nullptr, *this));
    root_.ignore_exception();  // end_of says what it means
    root_.ref()->add_continuation(watch_);
}

std::shared_ptr<const node_recorder> program::watch() {
    const std::lock_guard guard{watch_lock_};
    if (record_ == nullptr && !is_result_taken_) {
        record_ = std::make_shared<node_recorder>(plan_->root(), began_, record_budget_);
        recording_.store(record_.get(), std::memory_order_release);
        if (root_.done()) {
            end_root_record();
        }
    }
    return record_;
}

std::shared_ptr<const node_recorder> program::record() const {
    const std::lock_guard guard{watch_lock_};
    return record_;
}

/// Under watch_lock_, which keeps the result where it is. Once the root has ended.
void program::end_root_record() noexcept {
    if (record_ == nullptr) {
        return;
    }
    if (root_.exception() != nullptr) {
        record_->end_cancelled(0);
    } else {
        record_->end(0, root_.result());
    }
}

void program::call_began() noexcept {
    if (node_recorder* const watching = recorder()) {
        watching->start(record_around.get(), nullptr);
    }
}

void program::start() {
    alive_ = shared_from_this();
    if (timeout_ && timeout_->count() <= 0) {
        request_cancel(program_end::way::timed_out, {});  // as wait_for in no time: the root never runs
    } else if (timeout_) {
        deadline_ = executor::time_after(*timeout_);
        timeout_timer_.set(runs_on(), *timeout_, [self = shared_from_this()] {
            if (!self->root_.done()) {  // else its outcome stands, however long the clean-up takes
                self->request_cancel(program_end::way::timed_out, {});
            }
        });
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

void program::request_cancel(program_end::way reason, const std::string& message) noexcept {
    {
        const std::lock_guard guard{timer_lock_};
        if (cancelled_by_.load() == program_end::way::returned) {  // the first reason is the one that is told
            cancel_message_ = message;
            cancelled_by_.store(reason);
        }
    }
    root_.cancel(message);
    begin_clean_up();
}

/// Once: who cancels again and again must not put the rounds off.
void program::begin_clean_up() noexcept {
    {
        const std::lock_guard guard{timer_lock_};
        if (std::exchange(is_cleaning_up_, true)) {
            return;
        }
    }
    arm_clean_up(limits_.cleanup_time);
}

void program::arm_clean_up(std::chrono::nanoseconds delay) noexcept {
    const std::lock_guard guard{timer_lock_};
    if (!is_over_) {
        clean_up_timer_.set(runs_on(), delay, [self = shared_from_this()] { self->begin_clean_up_round(); });
    }
}

void program::begin_clean_up_round() noexcept {
    if (++clean_up_rounds_ >= limits_.cleanup_rounds || !observer_->is_answer_wanted()) {
        is_abandoned_.store(true, std::memory_order_relaxed);  // the cancellation that follows makes it visible
    }
    cancel_all();
    arm_clean_up(between_clean_up_rounds);
}

void program::root_ended(executor::continuation& watch, executor::task_state&) noexcept {
    program& self = static_cast<root_watch&>(watch).owner;
    if (self.recorder() != nullptr) {
        const std::lock_guard guard{self.watch_lock_};
        self.end_root_record();
    }
    if (self.size() > 1) {  // the root itself is still counted
        self.begin_clean_up();
    }
    self.close();
}

void program::on_drained() noexcept {
    const executor::memory_turn nobodys{nullptr};  // who hears of the end is not refused memory for the program's sake
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
    {
        const std::lock_guard guard{watch_lock_};
        end_root_record();  // who began to watch as the root ended may have missed it
        is_result_taken_ = true;
    }
    const std::shared_ptr<program> alive = std::move(alive_);
    // Nobody else reads the root's result.
    outcome result = root_.exception() == nullptr ? root_.take() : outcome_of(root_, {&plan_->root()});
    observer_->ended(end_of(std::move(result)));
}

program_end program::end_of(outcome result) noexcept {
    const auto by = cancelled_by_.load();
    if (by == program_end::way::over_limit) {
        return {by, std::move(result), exceeded_.load()};
    }
    if (has_no_memory()) {
        return {program_end::way::over_limit, std::move(result), "limits.memory_bytes"};
    }
    const bool is_cancelled = by != program_end::way::returned;
    const bool was_obeyed = is_cancelled && !result.has_value() && result.reason()->is_cancellation();
    if (!was_obeyed && !(is_cancelled && is_abandoned())) {
        return {result.has_value() ? program_end::way::returned : program_end::way::failed, std::move(result), nullptr};
    }
    const place root{&plan_->root()};
    if (by == program_end::way::timed_out) {
        return {by, failure{"TimeoutError", "", root}, nullptr};
    }
    if (is_abandoned()) {
        result = failure{"CancelledError", cancel_message_, root};
    }
    return {by, std::move(result), nullptr};
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

void program::end_for_memory(const char* limit) noexcept {
    memory().deny();
    exceed(limit);
}

bool program::count_mapped(std::size_t items, std::size_t tasks_each) noexcept {
    const std::size_t most = limits_.plan_tasks;
    const std::size_t more = items > most / tasks_each ? most + 1 : items * tasks_each;
    if (mapped_tasks_.fetch_add(more, std::memory_order_relaxed) + more <= most) {
        return true;
    }
    exceed("limits.plan_tasks");
    return false;
}

python_random& program::random() {
    return generator_ ? *generator_ : generator_of_this_thread();
}

}  // namespace gatherd::api::plan
