#include "gatherd/executor/detail/task_state.hpp"

#include <algorithm>
#include <mutex>

#include "executor/src/cancellation_walk.hpp"
#include "gatherd/executor/detail/misuse.hpp"
#include "gatherd/executor/detail/task_notes.hpp"
#include "gatherd/executor/detail/worker.hpp"
#include "gatherd/executor/errors.hpp"
#include "gatherd/executor/task_scope.hpp"

namespace gatherd::executor {

std::uint64_t task_state::new_request() noexcept {
    static std::atomic<std::uint64_t> last{0};
    return last.fetch_add(1, std::memory_order_relaxed) + 1;  // a name, nothing more
}

void task_state::run_step(work& item) noexcept {
    static_cast<task_state&>(item).step();
}

void task_state::drop_notes() noexcept {
    delete notes_.load(std::memory_order_acquire);  // N
}

task_notes& task_state::notes() {
    task_notes* notes = notes_.load(std::memory_order_acquire);  // N
    if (notes == nullptr) {
        auto fresh = std::make_unique<task_notes>();
        if (notes_.compare_exchange_strong(notes, fresh.get(), std::memory_order_acq_rel)) {  // N: else another's
            notes = fresh.release();
        }
    }
    return *notes;
}

std::string task_state::given_name() const {
    const task_notes* const notes = notes_.load(std::memory_order_acquire);  // N
    return notes == nullptr ? std::string{} : notes->given_name();
}

std::uint32_t task_state::cancelling() const noexcept {
    const std::lock_guard guard{lock_};
    return requests_ ? requests_->count : 0;
}

std::uint32_t task_state::uncancel() noexcept {
    const std::lock_guard guard{lock_};
    if (!requests_) {
        return 0;
    }
    if (requests_->count > 0 && --requests_->count == 0) {
        word_.fetch_and(~must_cancel, std::memory_order_relaxed);  // under the lock
    }
    return requests_->count;
}

void task_state::start(bool soon) noexcept {
    const worker* const here = worker::current();
    const task_state* const creator = here == nullptr ? nullptr : here->running.get();
    is_child_ = creator != nullptr;
    if (is_child_ && creator->context_) [[unlikely]] {
        context_ = creator->context_;
    }
    join_scope();
    scope_->make_ready(*this, soon ? task_scope::readiness::created_soon : task_scope::readiness::created);
}

void task_state::join_scope() noexcept {
    is_listed_ = true;
    scope_->enroll(*this);
}

/// Before each wait. Another thread may go on with the task then, so its scope must know it.
void task_state::about_to_wait() noexcept {
    if (!is_listed_) [[unlikely]] {
        join_scope();
    }
}

void task_state::resume() noexcept {
    __builtin_prefetch(resume_at_.address());  // it runs soon, here or nearby
    scope_->make_ready(*this, task_scope::readiness::resumed);
}

/// Whether a request waits to be raised. One that comes at the same time may be missed.
bool task_state::has_to_cancel() const noexcept {
    return (word_.load(std::memory_order_relaxed) & must_cancel) != 0;
}

/// Under the lock: a request that waits to be raised is raised when the task goes on.
void task_state::take_kept_request() noexcept {
    if (has_to_cancel()) {
        word_.fetch_and(~must_cancel, std::memory_order_relaxed);  // under the lock
        make_due(requests_->last);
    }
}

/// The task does not wait any longer, and raises what it was asked to.
void task_state::see_cancellation() noexcept {
    const std::lock_guard guard{lock_};
    waiting_ = nullptr;
    take_kept_request();
}

/// Under the lock: the request is raised when the task goes on.
void task_state::make_due(std::uint64_t request) noexcept {
    cancel_due_ = true;
    requests_->raised = request;
}

void task_state::step() noexcept {
    if (is_put_off_) [[unlikely]] {
        if (!begin_put_off_await()) {
            run_from(*worker::current(), resume_at_);
        }
        return;
    }
    // Without a wait_point there is no suspend that is still at work and none that a cancel may be about to use;
    // without a cancel there is nothing to do. One that comes only now is found where the task waits next.
    if (waiting_ != nullptr || has_to_cancel()) {
        see_cancellation();
    }
    run_from(*worker::current(), resume_at_);
}

void task_state::run_from(worker& here, std::coroutine_handle<> at) noexcept {
    if (!started_) {
        started_ = true;
        if (cancel_due_) [[unlikely]] {
            collect_cancelled(at, request_to_raise().first);
            end();
            return;
        }
    }
    if (const auto root = here.run_step(*this, at)) {  // else it may run elsewhere by now, or be gone
        collect(root);
        end();
    }
}

void task_state::run_if_next() noexcept {
    worker& here = *worker::current();
    if (!here.may_nest() || !here.may_start_another() || !here.take_back_task(*this)) {
        return;
    }
    if (has_to_cancel()) [[unlikely]] {
        see_cancellation();
    }
    run_from(here, resume_at_);
}

void task_state::end() noexcept {
    const bool is_listed = is_listed_;
    std::uint32_t word = word_.load(std::memory_order_relaxed);  // a guess; the exchange decides
    const std::uint32_t given_up = is_listed ? 0 : one_reference;
    while ((word & (must_cancel | is_watched)) == 0) {
        if (word_.compare_exchange_weak(word, (word | is_over) - given_up, std::memory_order_acq_rel)) {  // E, R
            if (is_listed) {
                scope_->leave(*this);
                release();
            } else if (is_last(word)) {
                delete this;
            }
            return;
        }
    }
    end_under_lock();
    if (is_listed) {
        scope_->leave(*this);
    }
    release();
}

/// Of a task that somebody waits for, or that was cancelled in its last step.
void task_state::end_under_lock() noexcept {
    continuation* node = nullptr;
    {
        const std::lock_guard guard{lock_};
        if (has_to_cancel()) {
            cancel_result(message());
        }
        word_.fetch_or(is_over, std::memory_order_release);  // E
        if (continuation* const last = std::exchange(last_continuation_, nullptr)) {
            node = std::exchange(last->next, nullptr);
        }
    }
    while (node != nullptr) {
        continuation* const following = node->next;  // firing may end the node's life
        node->fire(*node, *this);
        node = following;
    }
    own_end();
}

bool task_state::add_continuation(continuation& node) noexcept {
    const std::lock_guard guard{lock_};
    std::uint32_t word = word_.load(std::memory_order_acquire);  // E
    if ((word & is_watched) == 0) {
        word = word_.fetch_or(is_watched, std::memory_order_acq_rel);  // E; from now on the end takes the lock
    }
    if ((word & is_over) != 0) {
        return false;
    }
    if (last_continuation_ == nullptr) {
        node.next = node.previous = &node;
    } else {
        node.next = last_continuation_->next;
        node.previous = last_continuation_;
        node.next->previous = last_continuation_->next = &node;
    }
    last_continuation_ = &node;
    return true;
}

bool task_state::remove_continuation(continuation& node) noexcept {
    const std::lock_guard guard{lock_};
    if (last_continuation_ == nullptr) {
        return false;  // all were fired at once
    }
    if (node.next == &node) {
        last_continuation_ = nullptr;
    } else {
        node.previous->next = node.next;
        node.next->previous = node.previous;
        if (last_continuation_ == &node) {
            last_continuation_ = node.previous;
        }
    }
    return true;
}

bool task_state::suspend(std::coroutine_handle<> at, wait_point& point) noexcept {
    about_to_wait();
    task_refs awaited;
    std::string message;
    std::uint64_t request = 0;
    task_ref alive;
    bool is_taken = false;
    {
        const std::lock_guard guard{lock_};
        resume_at_ = at;
        has_waited_.store(true, std::memory_order_release);  // what the task did before is visible to who asks
        waiting_ = &point;  // before arm: who resumes this task finds it, and waits for our lock
        if (!point.arm(*this)) {
            waiting_ = nullptr;
            return false;
        }
        if (!has_to_cancel()) {
            return true;
        }
        // A cancel came while the task ran: this is where it waits next (I3).
        alive = task_ref{this};  // what it awaits may end, and with it this task, before we are done below
        word_.fetch_and(~must_cancel, std::memory_order_relaxed);  // under the lock, as below
        message = detail::copy_or_nothing(this->message());
        request = request_in_hand();
        switch (point.cancel(awaited)) {
            case wait_point::cancellation::detached:
                waiting_ = nullptr;
                make_due(request);
                return false;
            case wait_point::cancellation::too_late:
                word_.fetch_or(must_cancel, std::memory_order_relaxed);
                return true;
            case wait_point::cancellation::forwarded:
                if (awaited.empty()) {  // what it awaits has just ended, and resumes it
                    word_.fetch_or(must_cancel, std::memory_order_relaxed);
                    return true;
                }
                break;
            case wait_point::cancellation::passed_on:
                is_taken = true;
                break;
        }
    }
    if (!cancellation_walk::begin(awaited, message, request) && !is_taken) {
        // They have all ended meanwhile, not by this request, and this task may be anywhere by now: running, at another
        // wait, at its end. So it is asked again like from outside.
        cancellation_walk::begin_again(alive, message, request);
    }
    return true;
}

bool task_state::suspend_within_budget(std::coroutine_handle<> at, wait_point& point) noexcept {
    if (worker::current()->spend_budget()) [[likely]] {
        return suspend(at, point);
    }
    about_to_wait();
    {
        const std::lock_guard guard{lock_};
        resume_at_ = at;
        has_waited_.store(true, std::memory_order_release);  // as in suspend
        waiting_ = &point;
        is_put_off_ = true;
    }
    scope_->make_ready(*this, task_scope::readiness::put_off);
    return true;
}

/// In the step that follows. True: the task waits now.
bool task_state::begin_put_off_await() noexcept {
    wait_point* point = nullptr;
    {
        const std::lock_guard guard{lock_};
        point = std::exchange(waiting_, nullptr);
        is_put_off_ = false;
        take_kept_request();  // raised at the await, which has taken nothing
        if (cancel_due_) {
            return false;
        }
    }
    return suspend(resume_at_, *point);  // a request that comes from now on is for the next await, if this one succeeds
}

bool task_state::describe_wait(wait_description& into) noexcept {
    const std::lock_guard guard{lock_};
    if (waiting_ == nullptr || is_put_off_) {  // put off: it is ready to begin the wait
        return false;
    }
    waiting_->describe(into);
    return !into.is_over;
}

bool task_state::go_to_the_end_of_the_line(std::coroutine_handle<> at) noexcept {
    about_to_wait();
    has_waited_.store(true, std::memory_order_release);  // what the task did before is visible to who asks
    if (!scope_->is_serial() && !has_to_cancel() && worker::current()->may_go_on()) {
        return false;
    }
    resume_at_ = at;
    scope_->make_ready(*this, task_scope::readiness::yielding);
    return true;
}

void task_state::raise_cancellation() {
    cancel_due_ = false;
    auto [message, request] = request_to_raise();
    throw cancelled_error{std::move(message), request};
}

std::pair<std::string, std::uint64_t> task_state::request_to_raise() const noexcept {
    const std::lock_guard guard{lock_};  // another request may change both just now
    return {detail::copy_or_nothing(message()), requests_->raised};
}

/// Under the lock.
const std::string& task_state::message() const noexcept {
    static const std::string none;
    return requests_ ? requests_->message : none;
}

/// Under the lock: the newest request.
void task_state::remember(const std::string& message, std::uint64_t request) noexcept {
    if (!requests_) {
        requests_ = std::make_unique<requests>();
    }
    requests_->last = request;
    requests_->message = detail::copy_or_nothing(message);
    ++requests_->count;
}

std::uint64_t task_state::newest_request() const noexcept {
    const std::lock_guard guard{lock_};
    return requests_ ? std::max(requests_->last, requests_->raised) : 0;
}

std::string task_state::cancel_message() const noexcept {
    const std::lock_guard guard{lock_};
    return detail::copy_or_nothing(message());
}

void task_state::adopt_cancellation(std::uint64_t request) noexcept {
    if (request == 0) {
        return;
    }
    const std::lock_guard guard{lock_};
    if (!requests_) {
        requests_ = std::make_unique<requests>();
    }
    requests_->raised = request;
    if (requests_->last == request) {
        word_.fetch_and(~must_cancel, std::memory_order_relaxed);  // under the lock
    }
}

task_state::answer task_state::cancel_here(const std::string& message, std::uint64_t request, bool first,
                                           task_refs& awaited) noexcept {
    {
        const std::lock_guard guard{lock_};
        const bool was_raised = requests_ && requests_->raised == request;
        const bool was_asked = requests_ && requests_->last == request;
        const bool has_heard = first && (was_asked || was_raised);
        if (ended()) {
            return has_heard ? answer::accepted : answer::ended;
        }
        if (was_raised) {
            if (!was_asked) {
                remember(message, request);  // it came through what it awaited, and counts as asked from now on
            }
            return answer::accepted;
        }
        const bool waits = waiting_ != nullptr && !is_put_off_;  // then it does not end before we let go of the lock
        if (has_heard) {
            if (!waits || !has_to_cancel()) {
                return answer::accepted;  // kept by announce(), raised since, or reached another way already
            }
            word_.fetch_and(~must_cancel,
                            std::memory_order_relaxed);  // under the lock; below it is set again, if need be
            first = false;
        }
        if (!waits && (word_.fetch_or(must_cancel, std::memory_order_acq_rel) & is_over) != 0) {  // E
            return answer::ended;
        }
        if (first) {
            remember(message, request);
        }
        if (!waits) {
            return answer::accepted;
        }
        switch (waiting_->cancel(awaited)) {
            case wait_point::cancellation::detached:
                waiting_ = nullptr;
                make_due(request);
                break;
            case wait_point::cancellation::too_late:
                word_.fetch_or(must_cancel, std::memory_order_relaxed);
                return answer::accepted;
            case wait_point::cancellation::forwarded:
                if (awaited.empty()) {
                    word_.fetch_or(must_cancel, std::memory_order_relaxed);
                    return answer::accepted;
                }
                return answer::forwarded;
            case wait_point::cancellation::passed_on:
                return awaited.empty() ? answer::accepted : answer::passed_on;
        }
    }
    resume();  // the detached waiter: ours to make ready (I2)
    return answer::accepted;
}

bool task_state::cancel(const std::string& message) noexcept {
    const task_ref self{this};
    return cancellation_walk::begin({&self, 1}, message, new_request());
}

void task_state::cancel_each(std::span<const task_ref> tasks, const std::string& message,
                             std::uint64_t request) noexcept {
    static_cast<void>(cancellation_walk::begin(tasks, message, request == 0 ? new_request() : request));
}

/// A request that is kept, though the task may wait: cancel_here is to follow. False: it has ended.
bool task_state::announce(const std::string& message, std::uint64_t request) noexcept {
    const std::lock_guard guard{lock_};
    if (requests_ && requests_->last == request) {
        return true;  // it is named twice, or was reached another way
    }
    if (requests_ && requests_->raised == request && !ended()) {
        remember(message, request);
        return true;
    }
    if ((word_.fetch_or(must_cancel, std::memory_order_acq_rel) & is_over) != 0) {  // E
        return false;
    }
    remember(message, request);
    return true;
}

}  // namespace gatherd::executor
