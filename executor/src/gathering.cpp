#include "gatherd/executor/detail/gathering.hpp"

#include <algorithm>
#include <mutex>
#include <new>
#include <utility>

#include "gatherd/executor/detail/worker.hpp"
#include "gatherd/executor/errors.hpp"
#include "gatherd/executor/scheduler.hpp"
#include "gatherd/executor/task_scope.hpp"

namespace gatherd::executor {
namespace {

/// A thief takes a whole range, so a large range is cut: into several parts for each worker, so that the workers finish
/// at about the same time.
constexpr std::size_t smallest_cut = 64;
constexpr std::size_t cuts_a_worker = 4;

}  // namespace

/// The control block of a child. If the child has not waited and there is no other reference to the block, the thread
/// that ran the child uses the block again for the next one.
class gathering::child final : public task_state, public pooled {
public:
    explicit child(gathering& parent) noexcept : task_state{parent.scope_, nullptr}, parent_{parent} {}
    ~child() override {
        if (is_holder_) {
            parent_.drop(holder);
        }
    }

    /// Runs a child until it waits (false: another thread may have ended it since) or ends.
    [[nodiscard]] bool run(worker& here, std::size_t number, std::coroutine_handle<> root) noexcept {
        number_ = number;
        begin_here(parent_.context_);
        return here.run_step(*this, root) != nullptr;
    }

    /// In a serial scope: makes the child ready for its first step, as create_task does.
    void start_as_task(std::size_t number, std::coroutine_handle<> root) noexcept {
        number_ = number;
        set_root(root);
        start(false);
    }

    [[nodiscard]] bool can_be_used_again() const noexcept { return is_as_new(); }

    /// For a child that ended in its first step, while there are other references to it.
    void end_in_public(std::coroutine_handle<> root) noexcept {
        if (!is_holder_) {
            is_holder_ = true;
            parent_.word_.fetch_add(holder, std::memory_order_relaxed);  // the child in hand keeps the word above zero
        }
        collect(root);
        end();
    }

    [[nodiscard]] bool failed() const noexcept override { return failure_ != nullptr; }
    [[nodiscard]] bool cancelled() const noexcept override { return is_cancelled_; }
    [[nodiscard]] std::exception_ptr exception() const noexcept override { return failure_; }

private:
    friend class gathering;

    void join_scope() noexcept override {
        task_state::join_scope();
        is_holder_ = true;
        parent_.promote(*this);
    }

    void collect(std::coroutine_handle<> root) noexcept override {
        parent_.unlink(*this);
        report(parent_.collect(number_, root));
    }

    void collect_cancelled(std::coroutine_handle<> root, const std::string& message) noexcept override {
        parent_.unlink(*this);
        parent_.refuse(number_, root, std::make_exception_ptr(cancelled_error{message, newest_request()}));
        report(child_end::cancelled);
    }

    void report(child_end end) noexcept {
        if (end != child_end::returned) {
            failure_ = parent_.exception_of(number_);
            is_cancelled_ = end == child_end::cancelled;
            parent_.raised(number_, is_cancelled_ ? newest_request() : 0);
        }
        parent_.ended(1);
    }

    gathering& parent_;
    std::size_t number_ = 0;
    std::exception_ptr failure_;
    bool is_holder_ = false;  // counted as a holder of the gathering
    bool is_linked_ = false;  // of gathering::lock_, as the next two
    child* next_ = nullptr;
    child* previous_ = nullptr;
};

void gathering::child_range::start(work& item) noexcept {
    auto& range = static_cast<child_range&>(item);
    gathering& parent = range.owner;
    if (const std::uint64_t done = parent.run(*worker::current(), range, false)) {
        parent.ended(done);
    }
}

/// Runs children of a range that was taken out of a queue. Gives how many have ended. The caller reports that number to
/// ended(); until then those children keep the gathering alive. If the number is 0, the gathering may be gone.
std::uint64_t gathering::run(worker& here, child_range& range, bool awaiter_is_here) noexcept {
    cut(here, range);
    child* block = nullptr;
    std::uint64_t done = 0;
    std::uint64_t begun = 0;
    for (;;) {  // while the range is in no queue
        if (cancelled_.load(std::memory_order_acquire)) {
            done += refuse_rest(range);
            break;
        }
        const std::size_t number = range.next++;
        const std::coroutine_handle<> root = take_coroutine(number);
        if (block == nullptr) {
            block = make_child();
        }
        const bool is_last = range.next == range.end;
        if (block == nullptr) {
            refuse_without_memory(number, root);
            ++done;
            if (is_last) {
                used_up(range);
                break;
            }
            continue;
        }
        bool is_shared = false;  // what is left lies in the deque while the child runs, unless that is full
        if (is_last) {
            used_up(range);
        } else {
            is_shared = here.try_push_spawned(range);
            here.owner().wake_one();
        }
        ++begun;
        if (!block->run(here, number, root)) {
            std::exchange(block, nullptr)->release();  // it is a task like others from now on
        } else if (block->can_be_used_again()) {
            if (collect(number, root) != child_end::returned) {
                raised(number);
            }
            ++done;
        } else {
            block->end_in_public(root);
            std::exchange(block, nullptr)->release();
        }
        // Unless this takes the rest of the range back, the gathering may be gone.
        if (is_last || (is_shared && !here.take_back(range))) {
            break;
        }
        if (!here.may_start_another() || (awaiter_is_here && is_over_early_.load(std::memory_order_relaxed))) {
            put_back(here, range);
            break;
        }
    }
    delete block;
    here.count_spawned(begun);
    here.count_run(begun);
    return done;
}

/// Null: there is no memory for it.
gathering::child* gathering::make_child() noexcept {
    try {
        return new child{*this};
    } catch (const std::bad_alloc&) {
        return nullptr;
    }
}

/// The child raises std::bad_alloc. The caller has to count it as ended.
void gathering::refuse_without_memory(std::size_t number, std::coroutine_handle<> unstarted) noexcept {
    refuse(number, unstarted, std::make_exception_ptr(std::bad_alloc{}));
    raised(number);
}

/// Leaves all but a part of a large range to other workers. Without memory for the rest it leaves nothing.
void gathering::cut(worker& here, child_range& range) noexcept {
    const std::size_t size = range.end - range.next;
    const std::size_t part = std::max(smallest_cut, size / (here.owner().workers() * cuts_a_worker));
    if (size <= part) {
        return;
    }
    child_range* rest = nullptr;
    try {
        rest = new child_range{*this, range.next + part, range.end};
    } catch (const std::bad_alloc&) {
        return;
    }
    range.end = rest->next;
    put_back(here, *rest);
}

/// Puts a range back into a queue. Another thread may run it before this returns.
void gathering::put_back(worker& here, child_range& range) const noexcept {
    scheduler& owner = here.owner();
    if (takes_turns_ || !here.try_push_spawned(range)) {
        here.push_ready(range);
    }
    owner.wake_one();
}

/// All children of the range have been taken out of it.
void gathering::used_up(child_range& range) noexcept {
    if (&range != &first_) {
        delete &range;
    }
}

/// Ends the children of a cancelled gather that have not started, and gives their number.
std::uint64_t gathering::refuse_rest(child_range& range) noexcept {
    std::exception_ptr reason;
    std::uint64_t request = 0;
    {
        const std::lock_guard guard{lock_};
        reason = std::make_exception_ptr(cancelled_error{message_, request_});
        request = request_;
    }
    const std::uint64_t count = range.end - range.next;
    for (std::size_t number = range.next; number < range.end; ++number) {
        refuse(number, take_coroutine(number), reason);
    }
    raised(range.next, request);
    used_up(range);
    return count;
}

/// Subtracts children that have ended. This may destroy the gathering.
void gathering::ended(std::uint64_t children) noexcept {
    std::uint64_t word = word_.load(std::memory_order_relaxed);  // a guess; the exchange decides
    task_state* waiter = nullptr;
    bool in_scope = false;
    for (bool is_last = false; !is_last;) {
        while (left(word) > children) {
            if (word_.compare_exchange_weak(word, word - children, std::memory_order_acq_rel)) {  // W
                return;
            }
        }
        const std::lock_guard guard{lock_};
        word = word_.load(std::memory_order_acquire);  // W; await_resume may have counted itself in, under the lock
        is_last = left(word) == children;
        if (is_last) {
            all_ended_ = true;
            waiter = std::exchange(over_, true) ? nullptr : waiter_;
            in_scope = in_scope_;
        }
    }
    if (waiter != nullptr) {  // else it is in arm() and will find over_, or it has left
        waiter->resume();
    } else if (in_scope) {
        forget_outcomes();
        scope_.leave(*this);
    }
    drop(children);
}

void gathering::drop(std::uint64_t share) noexcept {
    if (word_.fetch_sub(share, std::memory_order_acq_rel) == share) {  // W
        destroy();
    }
}

/// A child has ended by an exception; `request` is not 0 if that is a CancelledError. Before ended() counts the child.
void gathering::raised(std::size_t number, std::uint64_t request) noexcept {
    task_state* waiter = nullptr;
    task_refs siblings;
    std::uint64_t siblings_request = 0;
    {
        const std::lock_guard guard{lock_};
        const bool is_first = raised_first_ == not_one;
        if (is_first) {
            raised_first_ = number;
            raised_by_ = request;
        }
        if (policy_ == on_failure::leave_siblings && !std::exchange(over_, true)) {
            is_over_early_.store(true, std::memory_order_relaxed);  // the rest is under the lock
            waiter = waiter_;
        }
        if (policy_ == on_failure::cancel_siblings && is_first && !cancelled_.load(std::memory_order_relaxed)) {
            siblings_request = request != 0 ? request : task_state::new_request();
            cancel_under_lock({}, siblings_request, siblings);
        }
    }
    if (waiter != nullptr) {
        waiter->resume();
    }
    if (!siblings.empty()) {
        task_state::cancel_each(siblings, {}, siblings_request);
    }
}

/// Children that have not started never start; `promoted` are those that the caller is to cancel.
void gathering::cancel_under_lock(const std::string& message, std::uint64_t request, task_refs& promoted) noexcept {
    message_ = detail::copy_or_nothing(message);
    request_ = request;
    cancelled_.store(true, std::memory_order_release);
    for (child* each = first_promoted_; each != nullptr; each = each->next_) {
        promoted.emplace_back(each);  // a task in this list holds a reference to itself
    }
}

/// The child is about to wait, in its first step: it becomes a task of its own.
void gathering::promote(child& waiting) noexcept {
    bool is_cancelled = false;
    std::string message;
    std::uint64_t request = 0;
    {
        const std::lock_guard guard{lock_};
        word_.fetch_add(holder, std::memory_order_relaxed);  // the child itself keeps the word above zero
        waiting.is_linked_ = true;
        waiting.previous_ = last_promoted_;
        (last_promoted_ != nullptr ? last_promoted_->next_ : first_promoted_) = &waiting;
        last_promoted_ = &waiting;
        is_cancelled = cancelled_.load(std::memory_order_relaxed);  // written under this lock
        if (is_cancelled) {
            message = detail::copy_or_nothing(message_);
            request = request_;
        }
    }
    if (is_cancelled) {
        const task_ref itself{&waiting};
        task_state::cancel_each({&itself, 1}, message, request);  // raised where it is about to wait
    }
}

void gathering::unlink(child& ending) noexcept {
    const std::lock_guard guard{lock_};
    if (std::exchange(ending.is_linked_, false)) {
        (ending.previous_ != nullptr ? ending.previous_->next_ : first_promoted_) = ending.next_;
        (ending.next_ != nullptr ? ending.next_->previous_ : last_promoted_) = ending.previous_;
    }
}

bool gathering::await_suspend(detail::awaiting_coroutine at) noexcept {
    worker& here = *worker::current();
    task_state& awaiter = *here.running;
    const std::size_t children = first_.end;
    if (scope_.is_serial()) {
        for (std::size_t number = 0; number < children; ++number) {
            if (child* const each = make_child()) {
                each->start_as_task(number, take_coroutine(number));
                each->release();
            } else {
                refuse_without_memory(number, take_coroutine(number));
                ended(1);
            }
        }
        return awaiter.suspend(at, *this);
    }
    takes_turns_ = !awaiter.is_child();
    context_ = awaiter.context();
    here.order_spawned();
    if (here.may_nest() && here.may_start_another()) {
        const std::uint64_t done = run(here, first_, true);
        if (done == children) {  // no other thread knows of any of them
            word_.store(holder, std::memory_order_relaxed);
            over_ = true;
            all_ended_ = true;
            return false;
        }
        if (done > 0) {
            ended(done);  // the awaiter still holds the gathering
        }
    } else {
        put_back(here, first_);
    }
    return awaiter.suspend(at, *this);
}

bool gathering::arm(task_state& waiter) noexcept {
    const std::lock_guard guard{lock_};
    if (over_) {
        return false;
    }
    waiter_ = &waiter;
    return true;
}

wait_point::cancellation gathering::cancel(task_refs& awaited) noexcept {
    const std::lock_guard guard{lock_};
    if (over_) {
        return cancellation::too_late;
    }
    cancel_requested_ = true;
    cancellation_wins_ = raised_first_ != not_one;
    cancel_under_lock(waiter_->message(), waiter_->request_in_hand(), awaited);  // the caller has the waiter's lock
    return cancellation::passed_on;
}

void gathering::describe(wait_description& into) noexcept {
    const std::lock_guard guard{lock_};
    into.kind = "gather";
    into.is_over = over_;
    into.pending = left(word_.load(std::memory_order_relaxed));
    into.total = total_;
    for (const child* each = first_promoted_; each != nullptr && into.add(*each); each = each->next_) {
    }
}

void gathering::ask_to_end(task_refs&, const std::string& message, std::uint64_t request) {
    const std::lock_guard guard{lock_};
    message_ = detail::copy_or_nothing(message);
    request_ = request;
    cancelled_.store(true, std::memory_order_release);  // promoted children are in the scope themselves
}

void gathering::await_resume() {
    std::exception_ptr failure;
    std::uint64_t request = 0;  // if the failure is a CancelledError
    bool is_left_early = false;
    {
        const std::lock_guard guard{lock_};
        if (policy_ != on_failure::go_on && raised_first_ != not_one && !cancellation_wins_) {
            failure = exception_of(raised_first_);
            request = raised_by_;
        } else if (cancel_requested_) {
            failure = std::make_exception_ptr(cancelled_error{message_, request_});
            request = request_;
        }
        is_left_early = !all_ended_;
        if (is_left_early) {
            waiter_ = nullptr;
            in_scope_ = true;
            word_.fetch_add(
                1, std::memory_order_relaxed);  // the last child has to wait until the scope knows the gathering
        }
    }
    if (is_left_early) {
        scope_.enroll(*this);
        ended(1);
    }
    task_state& awaiter = task_state::current();
    awaiter.throw_if_cancelled();
    if (failure) {
        awaiter.adopt_cancellation(request);
        std::rethrow_exception(failure);
    }
}

void gathering::release() noexcept {
    if (word_.load(std::memory_order_acquire) == holder) {  // W: no child or other holder is left
        destroy();
    } else {
        drop(holder);
    }
}

}  // namespace gatherd::executor
