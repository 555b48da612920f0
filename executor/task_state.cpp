#include "executor/task_state.hpp"

#include <limits>
#include <mutex>

#include "executor/errors.hpp"
#include "executor/misuse.hpp"
#include "executor/task_notes.hpp"
#include "executor/task_scope.hpp"
#include "executor/worker.hpp"

namespace gatherd::executor {
namespace {

void run_step(work& item) noexcept {
    static_cast<task_state&>(item).step();
}

/// Tells one call of cancel from all others.
std::uint64_t new_request() noexcept {
    static std::atomic<std::uint64_t> last{0};
    return last.fetch_add(1, std::memory_order_relaxed) + 1;  // a name, nothing more
}

}  // namespace

task_state::task_state(task_scope& scope) noexcept : work{&run_step}, scope_{&scope} {}

task_state::~task_state() {
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

std::uint32_t task_state::cancelling() const noexcept {
    const std::lock_guard guard{lock_};
    return cancel_requests_;
}

std::uint32_t task_state::uncancel() noexcept {
    const std::lock_guard guard{lock_};
    if (cancel_requests_ > 0 && --cancel_requests_ == 0) {
        must_cancel_ = false;
    }
    return cancel_requests_;
}

task_state& task_state::current() noexcept {
    worker* const w = worker::current();
    if (w == nullptr || w->running == nullptr) {
        end_for_misuse("only inside a task");
    }
    return *w->running;
}

void task_state::start(std::coroutine_handle<> root, bool soon) noexcept {
    resume_at_ = root;
    const worker* const here = worker::current();
    is_child_ = here != nullptr && here->running != nullptr;
    join_scope();
    scope_->make_ready(*this, soon ? task_scope::readiness::created_soon : task_scope::readiness::created);
}

void task_state::join_scope() noexcept {
    in_scope_ = true;
    scope_->enroll(*this);
}

void task_state::resume() noexcept {
    scope_->make_ready(*this, task_scope::readiness::resumed);
}

bool task_state::begin_step() noexcept {
    // Without a wait_point there is no suspend that is still at work and none that a cancel may be about to use;
    // without a cancel there is nothing to do. One that comes only now is found where the task waits next.
    if (waiting_ != nullptr || must_cancel_.load(std::memory_order_relaxed)) {
        const std::lock_guard guard{lock_};
        waiting_ = nullptr;
        if (must_cancel_.load(std::memory_order_relaxed)) {
            must_cancel_.store(false, std::memory_order_relaxed);
            cancel_due_ = true;
        }
    }
    const bool first = !std::exchange(started_, true);
    return !(first && cancel_due_);
}

void task_state::step() noexcept {
    if (!begin_step()) {
        collect_cancelled(message_to_raise());
        end();
        return;
    }
    if (worker::current()->run_step(*this, resume_at_)) {  // else it may be running elsewhere by now, or be gone
        collect();
        end();
    }
}

void task_state::run_if_next() noexcept {
    worker& here = *worker::current();
    if (here.may_nest() && here.may_start_another() && here.take_back_new(*this)) {
        step();
    }
}

void task_state::end() noexcept {
    completion* node = nullptr;
    {
        const std::lock_guard guard{lock_};
        if (must_cancel_.load(std::memory_order_relaxed)) [[unlikely]] {
            cancel_result(cancel_message_ ? *cancel_message_ : std::string{});
        }
        ended_.store(true, std::memory_order_release);  // E
        node = std::exchange(completions_, nullptr);
        last_completion_ = nullptr;
        for (completion* each = node; each != nullptr; each = each->next) {
            each->previous = each;  // in no list: remove_completion says false
        }
    }
    while (node != nullptr) {
        completion* const following = node->next;  // firing may end the node's life
        node->fire(*node, *this);
        node = following;
    }
    if (in_scope_) {
        scope_->leave(*this);
    }
    release();
}

bool task_state::add_completion(completion& node) noexcept {
    const std::lock_guard guard{lock_};
    if (ended_.load(std::memory_order_relaxed)) {  // written under this lock
        return false;
    }
    node.next = nullptr;
    node.previous = last_completion_;
    (last_completion_ != nullptr ? last_completion_->next : completions_) = &node;
    last_completion_ = &node;
    return true;
}

bool task_state::remove_completion(completion& node) noexcept {
    const std::lock_guard guard{lock_};
    if (node.previous == &node) {
        return false;
    }
    (node.previous != nullptr ? node.previous->next : completions_) = node.next;
    (node.next != nullptr ? node.next->previous : last_completion_) = node.previous;
    return true;
}

bool task_state::suspend(std::coroutine_handle<> at, wait_point& point) noexcept {
    if (!in_scope_) [[unlikely]] {
        join_scope();
    }
    std::vector<task_ref> awaited;
    std::string message;
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
        if (!must_cancel_.load(std::memory_order_relaxed)) {
            return true;
        }
        // A cancel came while the task ran: this is where it waits next (I3).
        alive = task_ref{this};  // what it awaits may end, and with it this task, before we are done below
        must_cancel_.store(false, std::memory_order_relaxed);
        message = cancel_message_ ? *cancel_message_ : std::string{};
        switch (point.cancel(awaited)) {
            case wait_point::cancellation::detached:
                waiting_ = nullptr;
                cancel_due_ = true;
                return false;
            case wait_point::cancellation::too_late:
                must_cancel_.store(true, std::memory_order_relaxed);
                return true;
            case wait_point::cancellation::forwarded:
                must_cancel_.store(awaited.empty(), std::memory_order_relaxed);
                break;
            case wait_point::cancellation::passed_on:
                is_taken = true;
                break;
        }
    }
    if (cancel_each(awaited, message) == 0 && !is_taken) {
        // They have all ended meanwhile, and this task may be anywhere by now: running, at another wait, at its end. So
        // it is asked again like from outside.
        cancel_from_here(message, new_request(), true);
    }
    return true;
}

void task_state::go_to_the_end_of_the_line(std::coroutine_handle<> at) noexcept {
    if (!in_scope_) [[unlikely]] {
        join_scope();
    }
    resume_at_ = at;
    has_waited_.store(true, std::memory_order_release);  // what the task did before is visible to who asks
    scope_->make_ready(*this, task_scope::readiness::yielding);
}

void task_state::throw_if_cancelled() {
    if (cancel_due_) {
        cancel_due_ = false;
        throw cancelled_error{message_to_raise()};
    }
}

std::string task_state::message_to_raise() const {
    const std::lock_guard guard{lock_};  // another request may change it just now
    return cancel_message_ ? *cancel_message_ : std::string{};
}

void task_state::remember(const std::string& message) noexcept {
    if (message.empty()) {
        cancel_message_.reset();
    } else {
        cancel_message_ = std::make_unique<std::string>(message);
    }
}

task_state::answer task_state::cancel_here(const std::string& message, std::uint64_t request, bool first,
                                           std::vector<task_ref>& awaited) noexcept {
    {
        const std::lock_guard guard{lock_};
        if (ended_.load(std::memory_order_relaxed)) {  // written under this lock
            return answer::ended;
        }
        if (first) {
            if (std::exchange(last_request_, request) == request) {
                return answer::accepted;  // reached another way already
            }
            remember(message);
            if (cancel_requests_ < std::numeric_limits<std::uint16_t>::max()) {
                ++cancel_requests_;
            }
        }
        if (waiting_ == nullptr) {
            must_cancel_.store(true, std::memory_order_relaxed);
            return answer::accepted;
        }
        switch (waiting_->cancel(awaited)) {
            case wait_point::cancellation::detached:
                waiting_ = nullptr;
                cancel_due_ = true;
                break;
            case wait_point::cancellation::too_late:
                must_cancel_.store(true, std::memory_order_relaxed);
                return answer::accepted;
            case wait_point::cancellation::forwarded:
                if (awaited.empty()) {
                    must_cancel_.store(true, std::memory_order_relaxed);
                    return answer::accepted;
                }
                return answer::forwarded;
            case wait_point::cancellation::passed_on:
                return awaited.empty() ? answer::accepted : answer::forwarded;
        }
    }
    resume();  // the detached waiter: ours to make ready (I2)
    return answer::accepted;
}

bool task_state::cancel(const std::string& message) noexcept {
    return cancel_from_here(message, new_request());
}

std::size_t task_state::cancel_each(std::span<const task_ref> tasks, const std::string& message) noexcept {
    const std::uint64_t request = new_request();
    std::size_t reached = 0;
    for (const task_ref& task : tasks) {
        reached += task->cancel_from_here(message, request) ? 1 : 0;
    }
    return reached;
}

/// `was_asked`: the request has been counted here already.
bool task_state::cancel_from_here(const std::string& message, std::uint64_t request, bool was_asked) noexcept {
    // Depth first through what awaits what, on a path of our own instead of the stack: chains may be very long.
    struct level {
        task_ref task;
        std::vector<task_ref> awaited{};
        std::size_t next = 0;
        bool asked = false;
        bool reached = false;  // some awaited task took the request
    };
    std::vector<level> path;
    path.push_back({.task = task_ref{this}, .asked = was_asked});
    bool reached = false;  // of the task that was left last
    while (!path.empty()) {
        level& top = path.back();
        if (top.next == top.awaited.size() && !top.reached) {
            // First visit; or all that it awaited ended in between, so it goes on: ask it once more.
            top.awaited.clear();
            top.next = 0;
            const answer said = top.task->cancel_here(message, request, !std::exchange(top.asked, true), top.awaited);
            if (said != answer::forwarded) {
                reached = said == answer::accepted;
                path.pop_back();
                if (!path.empty()) {
                    path.back().reached |= reached;
                }
                continue;
            }
        }
        if (top.next < top.awaited.size()) {
            task_ref awaited = std::move(top.awaited[top.next++]);
            path.push_back({.task = std::move(awaited)});
            continue;
        }
        reached = true;
        path.pop_back();
        if (!path.empty()) {
            path.back().reached = true;
        }
    }
    return reached;
}

}  // namespace gatherd::executor
