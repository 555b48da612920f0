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

/// A portion is taken as a whole, and its children one by one. What is larger is cut: one part for each worker, and the
/// same again, so that the last ones end at about the same time.
constexpr std::size_t smallest_cut = 64;
constexpr std::size_t cuts_a_worker = 4;

}  // namespace

/// The control block of a child. As long as the child has not waited, and nobody has a reference to it, the thread that
/// runs it may use the block again for the next one.
class gathering::child final : public task_state, public pooled {
public:
    explicit child(gathering& of) noexcept : task_state{of.scope_, nullptr}, of_{of} {}
    ~child() override {
        if (holds_) {
            of_.drop(holder);
        }
    }

    /// Runs a child until it waits (false: it may have ended elsewhere since) or ends.
    [[nodiscard]] bool run(worker& here, std::size_t number, std::coroutine_handle<> root) noexcept {
        number_ = number;
        begin_here();
        return here.run_step(*this, root) != nullptr;
    }

    /// In a serial scope: takes its place in the scope's line.
    void start_as_task(std::size_t number, std::coroutine_handle<> root) noexcept {
        number_ = number;
        set_root(root);
        start(false);
    }

    [[nodiscard]] bool can_be_used_again() const noexcept { return is_as_new(); }

    /// It ended in its first step, but others know it.
    void end_in_public(std::coroutine_handle<> root) noexcept {
        if (!holds_) {
            holds_ = true;
            of_.word_.fetch_add(holder, std::memory_order_relaxed);  // the child in hand keeps the word above zero
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
        holds_ = true;
        of_.promote(*this);
    }

    void collect(std::coroutine_handle<> root) noexcept override {
        of_.unlink(*this);
        tell(of_.collect(number_, root));
    }

    void collect_cancelled(std::coroutine_handle<> root, const std::string& message) noexcept override {
        of_.unlink(*this);
        of_.refuse(number_, root, std::make_exception_ptr(cancelled_error{message}));
        tell(child_end::cancelled);
    }

    void tell(child_end how) noexcept {
        if (how != child_end::returned) {
            failure_ = of_.exception_of(number_);
            is_cancelled_ = how == child_end::cancelled;
            of_.raised(number_, is_cancelled_ ? newest_request() : 0);
        }
        of_.ended(1);
    }

    gathering& of_;
    std::size_t number_ = 0;
    std::exception_ptr failure_;
    bool holds_ = false;      // counted as a holder of the gathering
    bool is_linked_ = false;  // of gathering::lock_, as the next two
    child* next_ = nullptr;
    child* previous_ = nullptr;
};

void gathering::portion::start(work& item) noexcept {
    auto& some = static_cast<portion&>(item);
    gathering& of = some.of;
    if (const std::uint64_t done = of.run(*worker::current(), some, false)) {
        of.ended(done);
    }
}

/// Runs children of a portion that was taken out of a queue. Gives how many have ended; the caller tells by ended(),
/// and until then they keep the gathering alive. With 0 it may be gone.
std::uint64_t gathering::run(worker& here, portion& some, bool awaiter_is_here) noexcept {
    cut(here, some);
    child* block = nullptr;
    std::uint64_t done = 0;
    std::uint64_t begun = 0;
    for (;;) {  // while `some` is in no queue
        if (cancelled_.load(std::memory_order_acquire)) {
            done += refuse_rest(some);
            break;
        }
        const std::size_t number = some.next++;
        const std::coroutine_handle<> root = take_coroutine(number);
        if (block == nullptr) {
            block = make_child();
        }
        const bool is_last = some.next == some.end;
        if (block == nullptr) {
            refuse_without_memory(number, root);
            ++done;
            if (is_last) {
                used_up(some);
                break;
            }
            continue;
        }
        bool is_shared = false;  // what is left lies in the deque while the child runs, unless that is full
        if (is_last) {
            used_up(some);
        } else {
            is_shared = here.try_push_spawned(some);
            here.owner().wake_one();
        }
        ++begun;
        if (!block->run(here, number, root)) {
            std::exchange(block, nullptr)->release();  // a task like others from now on
        } else if (block->can_be_used_again()) {
            if (collect(number, root) != child_end::returned) {
                raised(number);
            }
            ++done;
        } else {
            block->end_in_public(root);
            std::exchange(block, nullptr)->release();
        }
        // Unless the rest is taken back, this object may be gone.
        if (is_last || (is_shared && !here.take_back(some))) {
            break;
        }
        if (!here.may_start_another() || (awaiter_is_here && raised_.load(std::memory_order_relaxed))) {
            put_back(here, some);
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

/// The child raises std::bad_alloc, as asyncio's would. By the end of this the caller has to count it as ended.
void gathering::refuse_without_memory(std::size_t number, std::coroutine_handle<> unstarted) noexcept {
    refuse(number, unstarted, std::make_exception_ptr(std::bad_alloc{}));
    raised(number);
}

/// Leaves all but a part of a large portion to others; without memory for the rest, nothing.
void gathering::cut(worker& here, portion& some) noexcept {
    const std::size_t size = some.end - some.next;
    const std::size_t part = std::max(smallest_cut, size / (here.owner().workers() * cuts_a_worker));
    if (size <= part) {
        return;
    }
    portion* rest = nullptr;
    try {
        rest = new portion{*this, some.next + part, some.end};
    } catch (const std::bad_alloc&) {
        return;
    }
    some.end = rest->next;
    put_back(here, *rest);
}

/// By the end of this another thread may run it.
void gathering::put_back(worker& here, portion& some) const noexcept {
    scheduler& owner = here.owner();
    if (takes_turns_ || !here.try_push_spawned(some)) {
        here.push_ready(some);
    }
    owner.wake_one();
}

/// All its children have been taken out.
void gathering::used_up(portion& some) noexcept {
    if (&some != &first_) {
        delete &some;
    }
}

std::uint64_t gathering::refuse_rest(portion& some) noexcept {
    std::exception_ptr why;
    std::uint64_t request = 0;
    {
        const std::lock_guard guard{lock_};
        why = std::make_exception_ptr(cancelled_error{message_});
        request = request_;
    }
    const std::uint64_t count = some.end - some.next;
    for (std::size_t number = some.next; number < some.end; ++number) {
        refuse(number, take_coroutine(number), why);
        raised(number, request);
    }
    used_up(some);
    return count;
}

/// So many children of the caller's have ended. By the end of this the gathering may have.
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
    if (waiter != nullptr) {  // else it has yet to wait and finds over_, or has left
        waiter->resume();
    } else if (in_scope) {
        forget_outcomes();
        scope_.leave(*this);
    }
    drop(children);
}

void gathering::drop(std::uint64_t what) noexcept {
    if (word_.fetch_sub(what, std::memory_order_acq_rel) == what) {  // W
        destroy();
    }
}

/// A child's outcome is an exception, and CancelledError if `request` is one. It has not been told by ended() yet.
void gathering::raised(std::size_t which, std::uint64_t request) noexcept {
    task_state* waiter = nullptr;
    {
        const std::lock_guard guard{lock_};
        if (raised_first_ == not_one) {
            raised_first_ = which;
            raised_by_ = request;
        }
        if (until_ == gather_until::first_exception && !std::exchange(over_, true)) {
            raised_.store(true, std::memory_order_relaxed);  // what it is about is under the lock
            waiter = waiter_;
        }
    }
    if (waiter != nullptr) {
        waiter->resume();
    }
}

/// In the child's first step, before it waits.
void gathering::promote(child& waits) noexcept {
    bool is_cancelled = false;
    std::string message;
    std::uint64_t request = 0;
    {
        const std::lock_guard guard{lock_};
        word_.fetch_add(holder, std::memory_order_relaxed);  // the child itself keeps the word above zero
        waits.is_linked_ = true;
        waits.previous_ = last_promoted_;
        (last_promoted_ != nullptr ? last_promoted_->next_ : first_promoted_) = &waits;
        last_promoted_ = &waits;
        is_cancelled = cancelled_.load(std::memory_order_relaxed);  // written under this lock
        if (is_cancelled) {
            message = detail::copy_or_nothing(message_);
            request = request_;
        }
    }
    if (is_cancelled) {
        waits.cancel_from_here(message, request);  // raised where it is about to wait
    }
}

void gathering::unlink(child& ends) noexcept {
    const std::lock_guard guard{lock_};
    if (std::exchange(ends.is_linked_, false)) {
        (ends.previous_ != nullptr ? ends.previous_->next_ : first_promoted_) = ends.next_;
        (ends.next_ != nullptr ? ends.next_->previous_ : last_promoted_) = ends.previous_;
    }
}

bool gathering::await_suspend(std::coroutine_handle<> at) noexcept {
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
    here.order_spawned();
    if (here.may_nest()) {
        const std::uint64_t done = run(here, first_, true);
        if (done == children) {  // nobody else knows of any of them
            word_.store(holder, std::memory_order_relaxed);
            over_ = true;
            all_ended_ = true;
            return false;
        }
        if (done > 0) {
            ended(done);  // the awaiter itself holds this object on
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
    message_ = detail::copy_or_nothing(waiter_->message());  // we are under its lock
    request_ = waiter_->request_in_hand();
    cancelled_.store(true, std::memory_order_release);
    for (child* each = first_promoted_; each != nullptr; each = each->next_) {
        awaited.emplace_back(each);  // a task in here holds a reference to itself
    }
    return cancellation::passed_on;
}

void gathering::ask_to_end(task_refs&, const std::string& message, std::uint64_t request) {
    const std::lock_guard guard{lock_};
    message_ = detail::copy_or_nothing(message);
    request_ = request;
    cancelled_.store(true, std::memory_order_release);  // those that have waited are in the scope themselves
}

void gathering::await_resume() {
    std::exception_ptr failure;
    std::uint64_t request = 0;  // that it is about, if it is CancelledError
    bool is_left_early = false;
    {
        const std::lock_guard guard{lock_};
        if (until_ == gather_until::first_exception && raised_first_ != not_one) {
            failure = exception_of(raised_first_);
            request = raised_by_;
        } else if (cancel_requested_) {
            failure = std::make_exception_ptr(cancelled_error{message_});
            request = request_;
        }
        is_left_early = !all_ended_;
        if (is_left_early) {
            waiter_ = nullptr;
            in_scope_ = true;
            word_.fetch_add(1, std::memory_order_relaxed);  // whoever is last waits for us to have joined
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
    if (word_.load(std::memory_order_acquire) == holder) {  // W: nobody else is left who could take part
        destroy();
    } else {
        drop(holder);
    }
}

}  // namespace gatherd::executor
